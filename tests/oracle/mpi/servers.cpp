/// Parameter servers on MPI: the replay of the recorded pushes on rank 0, by one thread, ends with the bits that all ranks have;
/// and a synchronous server with those of a run on threads.
#include "reference/exec/mpi/run_on_mpi.h"
#include "reference/exec/replay.h"
#include "tests/oracle/models.h"
#include "tests/oracle/mpi/tally.h"
#include "tests/oracle/served.h"

namespace convoy::tests {
namespace {

constexpr int kSteps = 6;

/// A run on MPI with stragglers; rank 0 has what all ranks keep.
struct ServedRun {
  Timeline timeline;
  std::vector<std::vector<double>> kept;
};

ServedRun run_here(MpiWorld& world, const Training& t, const Schedule& schedule) {
  CpuCompute compute(t.model, t.data, world.size(), falling_rate(t));
  RankMemory memory;
  start_training(memory, t, schedule, world.rank());
  const ComputeFn slow = with_stragglers(compute);
  ServedRun run{run_on_mpi(world, schedule, kSteps, memory, slow, {.run = {.poison = true, .time_out_s = 600}}), {}};
  const std::vector<double> mine = kept_bits(schedule, world.rank(), memory);
  for (int r = 0; r < world.size(); ++r) run.kept.push_back(world.to_root(r, mine));
  return run;
}

/// The rank whose bits are others; "" when none's are.
std::string difference(const Schedule& schedule, const std::vector<RankMemory>& memories, const ServedRun& run) {
  for (std::size_t r = 0; r < memories.size(); ++r)
    if (kept_bits(schedule, static_cast<int>(r), memories[r]) != run.kept[r]) return cat("rank ", r, " has other bits");
  return "";
}

/// On rank 0: what is wrong with a run.
std::string compare(const Training& t, const Schedule& schedule, const PlanServers& servers, int workers, const ServedRun& run) {
  for (const std::string& breach : check_timeline(schedule, kSteps, run.timeline)) return breach;
  if (const std::string wrong = miscounted(t.model, schedule, kSteps, run.timeline); !wrong.empty()) return wrong;
  if (const std::string wrong = wrong_record(run.timeline.pushes, servers, workers, kSteps); !wrong.empty()) return wrong;
  CpuCompute compute(t.model, t.data, schedule.world_size(), falling_rate(t));
  const ComputeFn function = compute.function();
  std::vector<RankMemory> again = memories_of(t, schedule);
  replay(schedule, kSteps, run.timeline.pushes, again, function);
  if (const std::string wrong = difference(schedule, again, run); !wrong.empty()) return "replay: " + wrong;
  if (servers.mode != "sync") return "";
  std::vector<RankMemory> threads = memories_of(t, schedule);
  (void)run_on_threads(schedule, kSteps, threads, function);
  const std::string wrong = difference(schedule, threads, run);
  return wrong.empty() ? "" : "on threads: " + wrong;
}

}  // namespace

void check_servers(MpiWorld& world, Tally& tally) {
  int dropped = 0, runs = 0;
  for (const Model& model : {small_lenet(), short_resnet()})
    for (const PlanServers& place : places())
      for (const ServeMode& mode : serve_modes()) {
        const int workers = world.size() - (place.own_ranks ? place.count : 0);
        if (workers < 1 || place.count > world.size()) continue;
        const PlanServers servers = in_mode(place, mode, workers);
        const Training t = training_of(model, 8, kSteps);
        Plan plan = served(servers, workers, 8);
        plan.compression = compressions().at(static_cast<std::size_t>(runs++ % 3));
        const Schedule schedule = make_schedule(model, plan);
        const ServedRun run = run_here(world, t, schedule);
        if (world.rank() != 0) continue;
        dropped += summary_of(run.timeline.pushes).dropped;
        tally.note(cat(model.name, ", ", servers.count, servers.own_ranks ? " own" : " colocated", " servers, ", servers.mode,
                       ", compressed: ", plan.compression.method),
                   compare(t, schedule, servers, workers, run));
      }
  if (world.rank() == 0) tally.note("late pushes", dropped > 0 ? "" : "none was thrown away");
}

}  // namespace convoy::tests
