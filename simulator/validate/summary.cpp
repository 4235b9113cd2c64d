#include <algorithm>
#include <cmath>
#include <functional>

#include "simulator/validate/validation.h"

namespace convoy {
namespace {

double median_of(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

Summary summary_of(const std::string& name, const std::vector<const Prediction*>& predictions) {
  Summary summary;
  summary.name = name;
  std::vector<double> errors;
  std::vector<double> sizes;
  for (const Prediction* prediction : predictions) {
    ++summary.rows;
    if (!prediction->predicted) continue;
    ++summary.predicted;
    const auto error = prediction->error();
    if (!prediction->target || !error) continue;
    errors.push_back(*error);
    sizes.push_back(std::abs(*error));
    if (!summary.worst || std::abs(*error) > std::abs(*summary.worst)) {
      summary.worst = *error;
      summary.worst_what = prediction->what;
    }
  }
  if (!errors.empty()) {
    summary.median = median_of(sizes);
    summary.bias = median_of(errors);
  }
  return summary;
}

std::vector<Summary> grouped(const std::vector<Prediction>& predictions,
                             const std::function<std::string(const Prediction&)>& name) {
  std::vector<std::string> order;
  std::map<std::string, std::vector<const Prediction*>> groups;
  for (const Prediction& prediction : predictions) {
    const std::string key = name(prediction);
    if (!groups.contains(key)) order.push_back(key);
    groups[key].push_back(&prediction);
  }
  std::vector<Summary> summaries;
  for (const std::string& key : order) summaries.push_back(summary_of(key, groups[key]));
  return summaries;
}

}  // namespace

std::optional<double> Prediction::error() const {
  if (!predicted || !(measured > 0) || !std::isfinite(*predicted)) return std::nullopt;
  return *predicted / measured - 1;
}

std::vector<Summary> by_table(const std::vector<Prediction>& predictions) {
  return grouped(predictions, [](const Prediction& prediction) { return prediction.table; });
}

std::vector<Summary> by_case(const std::vector<Prediction>& predictions) {
  return grouped(predictions, [](const Prediction& prediction) { return prediction.table + " " + prediction.case_id; });
}

}  // namespace convoy
