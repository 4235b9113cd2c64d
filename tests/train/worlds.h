/// Plans on worlds of several sizes, and exact settings, for tests of the training loop.
#pragma once

#include <vector>

#include "reference/train/trainer.h"

namespace convoy {

/// In double, with momentum, at a constant rate.
inline TrainSettings exact(int epochs) {
  TrainSettings settings{.epochs = epochs, .kernels = Kernels::naive_f64, .seed = 13};
  settings.sgd = {.learning_rate = 0.04, .momentum = 0.8, .weight_decay = 0.001};
  settings.rate.decay = RateDecay::constant;
  return settings;
}

struct World {
  const char* plan;
  PlanRequest request;
};

inline std::vector<World> worlds(int batch) {
  return {{"data", {.ranks = 3, .global_batch = batch}},
          {"data_parallel_root", {.ranks = 2, .global_batch = batch}},
          {"filter", {.ranks = 3, .global_batch = batch}},
          {"channel", {.ranks = 2, .global_batch = batch}},
          {"megatron", {.ranks = 2, .global_batch = batch}},
          {"spatial", {.ranks = 2, .global_batch = batch}},
          {"one_weird_trick", {.ranks = 2, .global_batch = batch}},
          {"one_weird_trick", {.ranks = 2, .global_batch = batch, .scheme = ExchangeScheme::b}},
          {"hybrid", {.ranks = 4, .global_batch = batch, .inside = "spatial"}},
          {"hybrid", {.ranks = 4, .global_batch = batch, .inside = "megatron"}}};
}

inline Plan plan_of(const World& world) {
  Plan plan = make_plan(world.plan, world.request);
  plan.bucket_bytes = 300;
  return plan;
}

}  // namespace convoy
