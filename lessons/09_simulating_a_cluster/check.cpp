/// The check of lesson 9: cases with one that is far off, with errors of both signs, and with a constant that fits.
#include <algorithm>
#include <cmath>
#include <string>

#include "exercise.h"
#include "lessons/lesson.h"

namespace convoy::lesson {
namespace {

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t n = values.size();
  return n % 2 == 1 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}
double mean(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

/// f of every case.
template <class F>
std::vector<double> of_all(const std::vector<Case>& cases, const F& f) {
  std::vector<double> values;
  for (const Case& c : cases) values.push_back(f(c));
  return values;
}

double error_of(const Case& c) { return std::abs(c.predicted / c.measured - 1); }

struct Mistakes {
  bool fits_on_itself = false;
  bool arithmetic = false;
};
double fitted_error(const std::vector<Case>& cases, const Mistakes& m = {}) {
  std::vector<double> errors;
  for (std::size_t out = 0; out < cases.size(); ++out) {
    std::vector<double> ratios;
    for (std::size_t i = 0; i < cases.size(); ++i) {
      const double ratio = cases[i].measured / cases[i].predicted;
      if (i != out || m.fits_on_itself) ratios.push_back(m.arithmetic ? ratio : std::log(ratio));
    }
    const double factor = m.arithmetic ? mean(ratios) : std::exp(mean(ratios));
    errors.push_back(error_of({factor * cases[out].predicted, cases[out].measured}));
  }
  return median(errors);
}

bool near(double a, double b) { return std::abs(a - b) <= 1e-9 * std::max(1e-3, std::abs(b)); }

std::string about_typical(const std::vector<Case>& cases, double got) {
  if (got == 0) return "typical_error says 0 so far: open exercise.cpp and compare each prediction with its measurement.";
  const auto signed_errors = of_all(cases, [](const Case& c) { return c.predicted / c.measured - 1; });
  if (near(got, std::abs(median(signed_errors)))) return "Errors of both signs cancel this way; take the size of each one first.";
  if (near(got, median(of_all(cases, [](const Case& c) { return std::abs(c.measured / c.predicted - 1); }))))
    return "It is predicted over measured: the measurement is what counts, the prediction is what is off.";
  if (near(got, mean(of_all(cases, error_of))))
    return "One case that is far off moves the mean a lot; the median says what is typical.";
  return "Work out three cases by hand, and sort their errors.";
}

std::string about_fitting(const std::vector<Case>& cases, double got) {
  if (near(got, fitted_error(cases, {.fits_on_itself = true})))
    return "Each case helped to fit the constant that it is tested with, so this is no prediction. Leave it out when you fit.";
  if (near(got, fitted_error(cases, {.arithmetic = true})))
    return "Ratios are averaged by their logarithms: half as much and twice as much must cancel.";
  return "Take one case, hide it, find the factor from the others, and see how far off the hidden one is.";
}

void check_all() {
  const std::vector<std::vector<Case>> sets = {
      {{90, 100}, {130, 100}, {40, 100}, {105, 100}, {700, 100}},
      {{50, 100}, {210, 400}, {8, 16}, {35, 60}},
      {{3, 1}, {1, 3}, {2, 1}, {1, 2.5}, {1, 1.1}, {5, 4}},
      {{1.2, 1}, {0.9, 1}},
  };
  for (const std::vector<Case>& cases : sets) {
    const double wanted = median(of_all(cases, error_of)), got = typical_error(cases);
    if (!near(got, wanted))
      throw NotYet(
          cat("typical_error of ", cases.size(), " cases: expected ", wanted, ", got ", got, ".\n", about_typical(cases, got)));
    const double fitted = fitted_error(cases), yours = error_after_fitting(cases);
    if (!near(yours, fitted))
      throw NotYet(cat("error_after_fitting of ", cases.size(), " cases: expected ", fitted, ", got ", yours, ".\n",
                       about_fitting(cases, yours)));
  }
}

}  // namespace
}  // namespace convoy::lesson

int main() { return convoy::lesson::check(convoy::lesson::check_all); }
