/// Plan: how one training step is spread over ranks, as a value. make_schedule turns model and plan into a schedule.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "reference/model/model.h"
#include "reference/schedule/schedule.h"

namespace convoy {

struct Plan {
  std::string name = "data";
  Mesh mesh{{{"data", 1}}};
  int global_batch = 1;            ///< images of one step, over all ranks
  int batch_axis = 0;              ///< axis of the mesh that divides the images
  DType dtype = DType::f32;        ///< of all buffers
  std::string precision = "fp32";  ///< arithmetic of compute ops: fp32, tf32, fp16, bf16, fp64
  bool overlap = true;             ///< reduce a bucket as soon as it is full, while backward goes on; else after backward
  std::int64_t bucket_bytes = 25 * 1024 * 1024;  ///< PyTorch DDP's default
  std::string all_reduce = "ring";               ///< collective algorithm
  int chunks = 1;
};

/// What a named plan is asked for.
struct PlanRequest {
  int ranks = 1;
  int global_batch = 1;
};

/// One row of the table of named plans.
struct NamedPlan {
  std::string_view name;
  std::string_view summary;
  Plan (*make)(const PlanRequest&);
};
std::span<const NamedPlan> named_plans();
/// The plan of this name; an InputError names the nearest.
Plan make_plan(std::string_view name, const PlanRequest& request);

/// A training step (forward, backward, update) or an evaluation (forward only).
enum class Mode : std::uint8_t { train, evaluate };

/// The schedule of one step. Throws std::invalid_argument for a plan that makes no sense.
Schedule make_schedule(const Model& model, const Plan& plan, Mode mode = Mode::train);

/// The gradient buckets of a plan: consecutive slices of the flat parameters in the order backward finishes them, each ending
/// with a whole tensor and as soon as it holds at least `bucket_bytes`; the last may be smaller. None is empty.
struct Bucket {
  Slice slice;    ///< of the flat parameters
  int last_node;  ///< the node whose backward_weights fills it up
};
std::vector<Bucket> gradient_buckets(const Model& model, std::int64_t bucket_bytes, DType dtype);

Plan data_plan(const PlanRequest& request);

}  // namespace convoy
