// expect: One case that is far off moves the mean
// Takes the mean of the errors.
#include <algorithm>
#include <cmath>

#include "exercise.h"

namespace convoy::lesson {
namespace {

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t n = values.size();
  return n % 2 == 1 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

}  // namespace

double typical_error(const std::vector<Case>& cases) {
  std::vector<double> errors;
  for (const Case& c : cases) errors.push_back(std::abs(c.predicted / c.measured - 1));
  double sum = 0;
  for (const double error : errors) sum += error;
  return sum / static_cast<double>(errors.size());
}

double error_after_fitting(const std::vector<Case>& cases) {
  std::vector<double> errors;
  for (std::size_t left_out = 0; left_out < cases.size(); ++left_out) {
    double logarithms = 0;
    double count = 0;
    for (std::size_t i = 0; i < cases.size(); ++i) {
      if (i == left_out) continue;
      logarithms += std::log(cases[i].measured / cases[i].predicted);
      ++count;
    }
    const double factor = std::exp(logarithms / count);
    errors.push_back(std::abs(factor * cases[left_out].predicted / cases[left_out].measured - 1));
  }
  return median(errors);
}

}  // namespace convoy::lesson
