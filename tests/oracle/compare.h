/// The comparison of a plan with the serial run, and what it is given.
#pragma once

#include <map>
#include <tuple>

#include "reference/core/error.h"
#include "tests/oracle/planned.h"

namespace convoy::tests {

/// One model, its images, and the settings of training.
struct Training {
  Model model;
  Dataset data;
  OracleSettings settings;
};

inline Training training_of(const Model& model, int batch, int steps, int images = 31) {
  return {
      model,
      make_synthetic({.image = model.image, .classes = model.classes, .train_count = images, .test_count = 1, .seed = 11}).train,
      {.batch = batch,
       .steps = steps,
       .sgd = {.learning_rate = 0.05, .momentum = 0.9, .weight_decay = 0.01},
       .seed = 3,
       .statistics_groups = {}}};
}

/// What the serial run ends with.
struct Expected {
  ModelValues values;
  cpu::Loss totals;
};

inline Expected serial_run(const Training& training) {
  Oracle oracle(training.model, training.data, training.settings);
  Expected expected;
  expected.values.weights = oracle.train();
  expected.values.states = oracle.states();
  expected.totals = oracle.totals();
  return expected;
}

/// serial_run() of the same thing is done once. Equal names mean equal models, and the data follow from the model.
inline const Expected& remembered_serial_run(const Training& training) {
  using Key = std::tuple<std::string, int, int, std::vector<std::pair<std::int64_t, std::int64_t>>, int>;
  static std::map<Key, Expected> known;
  Key key{training.model.name, training.settings.batch, training.settings.steps, {}, training.settings.running_groups};
  for (const Slice& group : training.settings.statistics_groups) std::get<3>(key).emplace_back(group.offset, group.count);
  const auto found = known.find(key);
  if (found != known.end()) return found->second;
  return known.emplace(std::move(key), serial_run(training)).first->second;
}

/// Whether the loader's images of a rank are no run of the batch: Note [pieces of scheme c] in one_weird_tail.cpp.
inline bool loads_pieces(const Plan& plan) { return plan.scheme == ExchangeScheme::c; }

/// The images of every batch in the order of the ranks that load them. Under scheme c a rank's images are no run of the batch,
/// and the oracle's groups of statistics are.
inline Dataset by_rank(const Dataset& data, const Schedule& schedule) {
  std::vector<std::int64_t> positions;
  for (int r = 0; r < schedule.world_size(); ++r)
    for (const Op& op : schedule.program(r).ops)
      if (const auto* compute = std::get_if<Compute>(&op.action); compute != nullptr && compute->kind == ComputeKind::load)
        for (std::int64_t n = 0; n < compute->operands.front().box.n.count; ++n)
          positions.push_back(schedule.samples(r).offset + compute->operands.front().box.n.offset + n);
  Dataset sorted = data;
  const std::int64_t batch = schedule.global_batch;
  require(std::ssize(positions) == batch && data.count() % batch == 0, "by_rank", positions.size(), " images are loaded of ",
          batch, ", and the data set has ", data.count());
  const auto size = data.image.sample_count();
  for (std::int64_t i = 0; i < data.count(); ++i) {
    const std::int64_t from = i / batch * batch + positions[static_cast<std::size_t>(i % batch)];
    std::copy_n(data.pixels.begin() + from * size, size, sorted.pixels.begin() + i * size);
    sorted.labels[static_cast<std::size_t>(i)] = data.labels[static_cast<std::size_t>(from)];
  }
  return sorted;
}

/// How many images each rank has under scheme c, one rank after the other.
inline std::vector<Slice> shares_of_ranks(const Schedule& schedule) {
  std::vector<Slice> shares;
  for (int r = 0; r < schedule.world_size(); ++r) {
    std::int64_t count = 0;
    for (const Op& op : schedule.program(r).ops)
      if (const auto* compute = std::get_if<Compute>(&op.action); compute != nullptr && compute->kind == ComputeKind::load)
        count += compute->operands.front().box.n.count;
    shares.push_back({shares.empty() ? 0 : shares.back().end(), count});
  }
  return shares;
}

/// What a plan's run must end with: that of the serial run with the plan's groups of statistics.
inline Expected expected_of(Training training, const Plan& plan, const Schedule& schedule) {
  const bool pipelined = pipeline_axis(plan) >= 0;
  if (states(training.model).empty() || (plan.synchronised_statistics && !pipelined))
    return remembered_serial_run(training);  // ungrouped
  if (loads_pieces(plan)) {
    training.data = by_rank(training.data, schedule);
    training.settings.statistics_groups = shares_of_ranks(schedule);
    return serial_run(training);
  }
  set_groups(training.settings, plan, schedule);
  return remembered_serial_run(training);
}

}  // namespace convoy::tests
