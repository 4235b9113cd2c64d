/// The parts of the simulator whose times are below those of starting a process: making a schedule for 16,384 ranks, and
/// simulating a plan on 1,024 GPUs by formula, again and again, as a search for plans does.
///
///   bench_simulator [model]      resnet50 when the zoo has it, else vgg16; tests/bench/simulator.sh starts it
///
/// Prints the CPU time of this thread: the first and the median of 21 more.
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "reference/model/zoo.h"
#include "reference/plans/plan.h"
#include "reference/schedule/text.h"
#include "reference/schedule/validate.h"
#include "simulator/cost/cost.h"
#include "simulator/engine/simulate.h"

namespace {

using namespace convoy;

double cpu_s() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

void measure(const std::string& what, const std::string& target, const std::function<void()>& work) {
  std::vector<double> times_s;
  for (int i = 0; i < 22; ++i) {
    const double start_s = cpu_s();
    work();
    times_s.push_back(cpu_s() - start_s);
  }
  const double first_s = times_s.front();
  std::sort(times_s.begin() + 1, times_s.end());
  std::printf("%-66s first %8.3f ms  then %8.3f ms  (target: %s)\n", what.c_str(), 1e3 * first_s, 1e3 * times_s[11],
              target.c_str());
}

std::string default_model() {
  for (const ZooEntry& entry : zoo())
    if (entry.name == "resnet50") return "resnet50";
  return "vgg16";
}

}  // namespace

int main(int argc, char** argv) {
  const std::string name = argc > 1 ? argv[1] : default_model();
  const Model model = make_model(name);
  const auto plan_for = [](int ranks) { return make_plan("data", {.ranks = ranks, .global_batch = 32 * ranks}); };

  const Schedule large = make_schedule(model, plan_for(16384));
  std::size_t ops = 0;
  for (const Program& program : large.programs) ops += program.ops.size();
  std::printf("%s, data parallel, 16384 ranks: %zu ops in %zu programs\n", name.c_str(), ops, large.programs.size());
  measure("make_schedule, 16384 ranks", "10 ms", [&] { (void)make_schedule(model, plan_for(16384)); });
  measure("validate, 16384 ranks", "none", [&] { (void)validate(large); });

  Cluster cluster = load_cluster("dgx-v100");
  const CostModel cost = roofline(cluster.device, "fp32");
  const Schedule schedule = make_schedule(model, plan_for(1024));
  const SimulationOptions formula{.fidelity = Fidelity::formula};
  const SimulationOptions only_formula{.fidelity = Fidelity::formula, .validated = true};
  measure("formula, one step on 1024 GPUs", "1 ms", [&] { (void)simulate(schedule, 1, cluster, cost, only_formula); });
  measure("make_schedule, validate and formula, one step on 1024 GPUs", "none",
          [&] { (void)simulate(make_schedule(model, plan_for(1024)), 1, cluster, cost, formula); });
  return 0;
}
