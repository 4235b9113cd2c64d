/// Trains a network on synthetic images held in memory and says how long each step takes; scripts/bench-peers drives it.
///
///   bench_training_step NETWORK BATCH THREADS [auto|nchw|blocked [auto|on|off]]
///
/// as convoy-train does with these --layout and --fusion.
/// Says {"ready": true, ...} when the first step has run, then answers every line on stdin with one of JSON:
///   "run K"   K steps: {"step_times_s": [...], "cpu_times_s": [...]}, the latter of all threads of the process
///   "memory"  {"peak_bytes", "baseline_bytes"}: largest resident size in the steps after the first, and what it was before the
///             network was made
/// and ends with stdin. All steps are iterations of one run, so that nothing is set up between them.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <chrono>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include "reference/core/error.h"
#include "reference/data/synthetic.h"
#include "reference/exec/exec.h"
#include "reference/io/report.h"
#include "reference/train/trainer.h"

using namespace convoy;

namespace {

/// A line of /proc/self/status, "VmHWM" or "VmRSS", in bytes.
std::int64_t status_bytes(const std::string& field) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with(field + ":")) return 1024 * std::strtoll(line.c_str() + field.size() + 1, nullptr, 10);
  return 0;
}

/// Forgets the largest resident size so far: what setting up took is no part of a step.
void forget_peak() { std::ofstream("/proc/self/clear_refs") << "5"; }

double cpu_time_s() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

double wall_time_s() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

/// Answers stdin between two steps; called at the end of each.
class Conversation {
 public:
  explicit Conversation(std::int64_t baseline_bytes) : baseline_bytes_(baseline_bytes) {}

  void step_ended() {
    const double wall_s = wall_time_s(), cpu_s = cpu_time_s();
    if (started_ && wanted_ > 0) {
      step_times_s_.push_back(wall_s - wall_s_);
      cpu_times_s_.push_back(cpu_s - cpu_s_);
      --wanted_;
    }
    if (!started_) {
      forget_peak();
      say("{\"ready\": true}");
    }
    started_ = true;
    if (wanted_ == 0) converse();
    wall_s_ = wall_time_s();
    cpu_s_ = cpu_time_s();
  }

 private:
  static void say(const std::string& text) { std::cout << text << std::endl; }

  void converse() {
    if (!step_times_s_.empty())
      say(fmt::format("{{\"step_times_s\": [{:.9f}], \"cpu_times_s\": [{:.9f}]}}", fmt::join(step_times_s_, ", "),
                      fmt::join(cpu_times_s_, ", ")));
    step_times_s_.clear();
    cpu_times_s_.clear();
    for (std::string line; std::getline(std::cin, line);) {
      if (line == "memory") {
        say(fmt::format("{{\"peak_bytes\": {}, \"baseline_bytes\": {}}}", status_bytes("VmHWM"), baseline_bytes_));
      } else if (line.starts_with("run ") && (wanted_ = std::atoi(line.c_str() + 4)) > 0) {
        return;
      } else {
        say("{\"error\": \"expected 'run K' or 'memory'\"}");
      }
    }
    std::cout.flush();
    std::_Exit(0);  // the run has no other end
  }

  std::int64_t baseline_bytes_;
  bool started_ = false;
  int wanted_ = 0;
  double wall_s_ = 0;
  double cpu_s_ = 0;
  std::vector<double> step_times_s_;
  std::vector<double> cpu_times_s_;
};

struct Request {
  ScheduleChoice choice;
  int threads = 1;
};

Request parse(int argc, char** argv) {
  if (argc < 4 || argc > 6 || std::atoi(argv[2]) < 1 || std::atoi(argv[3]) < 1)
    throw InputError("usage: bench_training_step NETWORK BATCH THREADS [auto|nchw|blocked [auto|on|off]]");
  Request request{.choice = {.model = argv[1], .global_batch = std::atoi(argv[2])}, .threads = std::atoi(argv[3])};
  if (argc > 4) request.choice.layout = parse_activation_layout(argv[4]);
  if (argc > 5) request.choice.fusion = parse_fusion(argv[5]);
  decide(request.choice, Fusion::on, ActivationLayout::blocked);
  return request;
}

void train_forever(const Request& request) {
  Conversation conversation(status_bytes("VmRSS"));
  const Plan plan = plan_of(request.choice);
  const Model model = model_of(request.choice);
  const int batch = request.choice.global_batch;
  const Schedule schedule = make_schedule(model, plan);
  const Dataset data =
      make_synthetic({.image = model.image, .classes = model.classes, .train_count = batch, .test_count = 1}).train;
  ComputeSettings settings;
  settings.sgd = [](std::int64_t) { return cpu::SgdSettings{.learning_rate = 1e-3, .momentum = 0.9, .weight_decay = 1e-4}; };
  CpuCompute compute(model, data, 1, settings);
  std::vector<RankMemory> memories(1);
  memories[0].bind(schedule.program(0));
  {
    const ModelValues start = initial_values(model, 1);
    write_values(memories[0], "weights", local_weights(model, schedule, 0, start.weights));
    write_values(memories[0], "running_statistics", local_states(model, schedule, 0, start.states));
  }
  RunOptions options = run_options(request.threads, false);
  options.record = false;
  options.on_step_end = [&](int, int) { conversation.step_ended(); };
  run_on_threads(schedule, 1'000'000'000, memories, compute.function(), options);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    train_forever(parse(argc, argv));
  } catch (const InputError& error) {
    std::cerr << "bench_training_step: " << error.what() << '\n';
    return 2;
  } catch (const std::exception& error) {
    std::cerr << "bench_training_step: " << error.what() << '\n';
    return 1;
  }
  return 0;
}
