/// Gradients that travel in other ways on MPI (compressed, in 16 bits, in parts to who keeps them, behind several parts of a batch, with
/// the norms of LARS): the same bits as on threads, whose runs other tests of this folder's parent hold to what they should be.
#include "tests/oracle/models.h"
#include "tests/oracle/mpi/run_here.h"
#include "tests/oracle/mpi/tally.h"

namespace convoy::tests {
namespace {

/// Plan data in every such way, with a word for it.
std::vector<std::pair<std::string, Plan>> plans(int ranks) {
  std::vector<std::pair<std::string, Plan>> all;
  const auto add = [&](const std::string& what, const auto& change) {
    Plan plan = make_plan("data", {.ranks = ranks, .global_batch = 7});
    plan.dtype = DType::f64;
    plan.bucket_bytes = 1500;
    change(plan);
    all.emplace_back(what, std::move(plan));
  };
  for (const Compression& compression : {Compression{"top_k", 0.05}, Compression{"int8"}})
    add(compression.method, [&](Plan& plan) { plan.compression = compression; });
  for (const DType dtype : {DType::f16, DType::bf16})
    add(std::string(to_string(dtype)), [&](Plan& plan) { plan.gradient_dtype = dtype; });
  for (const int stage : {1, 2, 3}) add(cat("zero ", stage), [&](Plan& plan) { plan.zero = stage; });
  add("in two parts", [](Plan& plan) { plan.accumulate = 2; });
  add("lars", [](Plan& plan) { plan.optimiser = Optimiser::lars; });
  return all;
}

}  // namespace

void check_gradients(MpiWorld& world, Tally& tally) {
  bool overlap = true;
  for (const Model& model : {small_lenet(), short_resnet(), branches()})
    for (auto& [what, plan] : plans(world.size())) {
      plan.overlap = overlap = !overlap;
      const Schedule schedule = make_schedule(model, plan);
      const Training training = training_of(model, plan.global_batch, 3);
      const MpiRun run = run_here(world, schedule, training);
      if (world.rank() != 0) continue;
      PlannedRun threads;
      std::string wrong = difference_from_threads(schedule, training, run.of_ranks, threads);
      if (wrong.empty()) wrong = run.miscounted;
      tally.note(cat(model.name, ", data, gradients ", what, ", overlap ", overlap), wrong);
    }
}

}  // namespace convoy::tests
