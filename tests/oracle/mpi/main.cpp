/// The program that mpirun starts on every rank: each plan for as many ranks as there are, with three models. Three steps in
/// double equal the serial run to 1e-9 and the run on threads bit for bit, on every rank. Then gradients that travel in other ways,
/// local SGD and parameter servers, in files of their own.
#include <cstdio>

#include "tests/oracle/compare.h"
#include "tests/oracle/models.h"
#include "tests/oracle/mpi/run_here.h"
#include "tests/oracle/mpi/tally.h"
#include "tests/oracle/plan_cases.h"

using namespace convoy;
using namespace convoy::tests;

namespace {

constexpr int kSteps = 3;

/// On rank 0: what is wrong with what all ranks have; empty when nothing is.
std::string compare(const Schedule& schedule, const Plan& plan, const Training& training,
                    const std::vector<std::vector<double>>& of_ranks, const std::vector<double>& totals) {
  const Expected expected = expected_of(training, plan, schedule);
  if (const std::string wrong = difference(schedule, training, expected.values, of_ranks); !wrong.empty()) return wrong;
  if (!(std::abs(totals.at(0) - expected.totals.loss_sum) <= 1e-9 * expected.totals.loss_sum)) return "the loss differs";
  if (totals.at(1) != expected.totals.correct) return "other answers are correct";
  return "";
}

void check(MpiWorld& world, const Model& model, const PlanCase& c, bool overlap, Tally& tally) {
  Plan plan = c.plan;
  plan.dtype = DType::f64;
  plan.bucket_bytes = 1500;
  plan.overlap = overlap;
  // Of a micro-batch over all data ranks they are of images that are no run of the batch, which the oracle does not know.
  plan.synchronised_statistics = !overlap && !(pipeline_axis(plan) >= 0 && plan.batch_axis >= 0);
  Schedule schedule;
  try {
    schedule = make_schedule(model, plan);
  } catch (const InputError&) {
    return;  // on all ranks alike; plans_test.cpp says which
  }
  if (loads_pieces(plan)) plan.synchronised_statistics = true;
  if (loads_pieces(plan)) schedule = make_schedule(model, plan);
  const Training training = training_of(model, plan.global_batch, kSteps);
  const MpiRun run = run_here(world, schedule, training);
  if (world.rank() != 0) return;
  std::string wrong = compare(schedule, plan, training, run.of_ranks, run.totals);
  if (wrong.empty()) wrong = run.miscounted;
  tally.note(cat(model.name, ", ", c.label, ", overlap ", overlap), wrong);
}

}  // namespace

int main(int argc, char** argv) {
  MpiWorld world(&argc, &argv);
  world.set_time_out_s(600);  // rank 0 compares meanwhile, on a machine that may be busy
  Tally tally;
  try {
    if (world.size() > 2)
      for (const PlanCase& c : algorithm_cases(world.size())) check(world, small_lenet(), c, true, tally);
    for (const Model& model : {small_lenet(), short_resnet(), branches()}) {
      bool overlap = true;
      for (const PlanCase& c : all_cases()) {
        if (c.plan.mesh.world_size() != world.size()) continue;
        check(world, model, c, overlap, tally);
        overlap = !overlap;
      }
    }
    check_gradients(world, tally);
    check_local_sgd(world, tally);
    check_servers(world, tally);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "rank %d: %s\n", world.rank(), error.what());
    world.abort(1);
  }
  // Every plan of the table, with three batches and three models, less what is refused; gradients in all ways; local SGD; servers.
  constexpr int kLeast = 180;
  if (world.rank() == 0) std::printf("%d ranks: %d plans compared, %d failed\n", world.size(), tally.compared, tally.failed);
  const bool right = world.rank() != 0 || (tally.failed == 0 && tally.compared >= kLeast);
  return world.sum({right ? 0.0 : 1.0}).at(0) == 0 ? 0 : 1;
}
