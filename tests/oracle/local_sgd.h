/// Local SGD as the oracle does it: every worker by itself, then the mean; written down once more, without a schedule.
#pragma once

#include <map>
#include <memory>

#include "tests/oracle/compare.h"

namespace convoy::tests {

/// What a serial emulation of plan `local_sgd` ends with, from the weights that the seed gives. `t.settings.batch` is not used:
/// images are those of the plan.
inline ModelValues emulate_local_sgd(const Training& t, const Plan& plan) {
  struct Worker {
    Slice share;
    std::vector<double> weights, momentum, states;
  };
  const int workers = plan.mesh.world_size(), images = plan.global_batch * plan.local.steps;
  std::vector<Worker> all;
  for (int w = 0; w < workers; ++w)
    all.push_back({shard(images, workers, w), initial_weights(t.model, t.settings.seed), {}, initial_states(t.model)});
  for (Worker& worker : all) worker.momentum.resize(worker.weights.size());
  const auto become_mean = [&](std::vector<double> Worker::* values) {
    std::vector<double> mean(all.front().weights.size(), 0.0);
    for (const Worker& worker : all)
      for (std::size_t i = 0; i < mean.size(); ++i) mean[i] += (worker.*values)[i] * static_cast<double>(worker.share.count) / images;
    for (Worker& worker : all) worker.*values = mean;
  };
  std::map<std::pair<std::int64_t, std::int64_t>, std::unique_ptr<Oracle>> oracles;  // by place and number of images
  for (int round = 0; round < t.settings.steps; ++round) {
    for (Worker& worker : all) {
      if (plan.local.momentum == LocalMomentum::restart) worker.momentum.assign(worker.momentum.size(), 0.0);
      for (int step = 0; step < plan.local.steps; ++step) {
        const Slice part = shard(worker.share.count, plan.local.steps, step);
        if (part.count == 0) continue;
        OracleSettings settings = t.settings;
        settings.batch = static_cast<int>(part.count);
        settings.first_sample = worker.share.offset + part.offset;
        settings.global_batch = images;
        settings.statistics_groups = {};
        std::unique_ptr<Oracle>& oracle = oracles[{settings.first_sample, part.count}];
        if (!oracle) oracle = std::make_unique<Oracle>(t.model, t.data, settings);
        oracle->go_on_from(worker.states);
        std::vector<double> gradients = oracle->gradients(worker.weights, round);
        for (double& g : gradients) g *= static_cast<double>(images) / static_cast<double>(part.count);
        worker.states = oracle->states();
        cpu::naive::sgd_update<double>(worker.weights, gradients, worker.momentum, t.settings.sgd);
      }
    }
    become_mean(&Worker::weights);
    if (plan.local.momentum == LocalMomentum::average) become_mean(&Worker::momentum);
  }
  return {.weights = all.front().weights, .states = all.front().states};
}

}  // namespace convoy::tests
