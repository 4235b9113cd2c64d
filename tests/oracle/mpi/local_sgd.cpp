/// Local SGD on MPI: the same bits as on threads, and the serial emulation's values, whatever becomes of the momentum.
#include "tests/oracle/local_sgd.h"
#include "tests/oracle/models.h"
#include "tests/oracle/mpi/run_here.h"
#include "tests/oracle/mpi/tally.h"

namespace convoy::tests {

void check_local_sgd(MpiWorld& world, Tally& tally) {
  bool overlap = true;
  for (const Model& model : {small_lenet(), short_resnet(), branches()})
    for (const LocalMomentum momentum : {LocalMomentum::average, LocalMomentum::restart, LocalMomentum::keep})
      for (const int steps : {1, 3}) {
        Plan plan = make_plan(
            "local_sgd", {.ranks = world.size(), .global_batch = 5, .local = {.steps = steps, .momentum = momentum}});
        plan.dtype = DType::f64;
        plan.bucket_bytes = 1500;
        plan.overlap = overlap = !overlap;
        const Schedule schedule = make_schedule(model, plan);
        const Training training = training_of(model, plan.global_batch, 2);
        const MpiRun run = run_here(world, schedule, training);
        if (world.rank() != 0) continue;
        std::string wrong = difference(schedule, training, emulate_local_sgd(training, plan), run.of_ranks);
        if (wrong.empty()) wrong = run.miscounted;
        tally.note(cat(model.name, ", local_sgd, ", steps, " steps, momentum: ", to_string(momentum), ", overlap ", overlap), wrong);
      }
}

}  // namespace convoy::tests
