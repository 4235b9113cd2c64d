#include <atomic>
#include <cmath>
#include <cstring>
#include <numeric>

#include "reference/plans/plan.h"
#include "reference/train/cpu_compute.h"
#include "tests/exec/collective_cases.h"
#include "tests/exec/mpi/ranks.h"
#include "tests/train/tiny.h"

namespace convoy::tests {
namespace {

const ComputeFn kNothing = [](const ComputeCall&) {};

MpiOptions options_of(CollectivesBy by, std::int64_t piece_bytes = 512 << 10) {
  return {.run = {.time_out_s = 600}, .collectives = by, .piece_bytes = piece_bytes};
}

/// Rank 0 has the timeline of all ranks: it must obey the rules. 0.1 ms is far more than clocks of one host are apart.
void expect_timeline(MpiWorld& world, Expectations& e, const Schedule& schedule, int iterations, const Timeline& timeline) {
  if (world.rank() != 0) return;
  for (const std::string& breach : check_timeline(schedule, iterations, timeline)) e.expect(false, "timeline: ", breach);
  for (const Interval& interval : timeline.intervals)
    e.expect(interval.start_s > -1e-4 && interval.end_s < 60, "an interval from ", interval.start_s, " to ", interval.end_s,
             " s");
}

template <class T>
void expect_exact(MpiWorld& world, Expectations& e, const CollectiveAlgorithm& algorithm, int chunks, const MpiOptions& options,
                  int channels = 1) {
  std::vector<int> counts(41);
  std::iota(counts.begin(), counts.end(), 0);
  counts.push_back(3001);
  counts.push_back(12'000);
  const Schedule schedule =
      collectives_of(algorithm, world.size(), counts, chunks, sizeof(T) == 4 ? DType::f32 : DType::f64, channels, 2);
  RankMemory memory;
  fill_for_collectives<T>(memory, schedule, world.rank(), counts);
  const Timeline timeline = run_on_mpi(world, schedule, 1, memory, kNothing, options);
  expect_timeline(world, e, schedule, 1, timeline);
  const int wrong = wrong_elements<T>(memory, schedule, world.rank());
  e.expect(wrong == 0, wrong, " wrong elements of ", to_string(algorithm.kind), " ", algorithm.name, ", ", chunks, " chunks, ",
           channels, " channels, by ", to_string(options.collectives), ", pieces of ", options.piece_bytes, ", ", sizeof(T),
           " bytes an element");
}

bool is_first_of_its_kind(const CollectiveAlgorithm& algorithm) {
  for (const CollectiveAlgorithm& row : collective_algorithms())
    if (row.kind == algorithm.kind) return row.name == algorithm.name;
  return false;
}

/// The weights after some steps on threads, of one rank.
template <class T>
std::vector<T> weights_on_threads(const Schedule& schedule, CpuCompute& compute, const std::vector<double>& start, int steps,
                                  int rank) {
  std::vector<RankMemory> memories(static_cast<std::size_t>(schedule.world_size()));
  for (int r = 0; r < schedule.world_size(); ++r) {
    memories[static_cast<std::size_t>(r)].bind(schedule.program(r));
    std::transform(start.begin(), start.end(), memories[static_cast<std::size_t>(r)].persistent<T>("weights").begin(),
                   [](double w) { return static_cast<T>(w); });
  }
  run_on_threads(schedule, steps, memories, compute.function(), {.poison = true});
  const auto weights = memories[static_cast<std::size_t>(rank)].persistent<T>("weights");
  return {weights.begin(), weights.end()};
}

template <class T>
void expect_same_training(MpiWorld& world, Expectations& e, Kernels kernels, bool overlap) {
  const Model model = tiny_model();
  const TrainingData data = tiny_data(model);
  Plan plan = make_plan("data", {.ranks = world.size(), .global_batch = 5});
  plan.dtype = dtype_of(kernels);
  plan.bucket_bytes = 256;
  plan.overlap = overlap;
  const Schedule schedule = make_schedule(model, plan);
  constexpr int kSteps = 6;
  ComputeSettings settings{.kernels = kernels, .seed = 3};
  settings.sgd = [](std::int64_t) { return cpu::SgdSettings{.learning_rate = 0.1, .momentum = 0.9, .weight_decay = 1e-3}; };
  CpuCompute compute(model, data.train, world.size(), settings);
  const std::vector<double> start = initial_weights(model, 3);
  const std::vector<T> expected = weights_on_threads<T>(schedule, compute, start, kSteps, world.rank());

  RankMemory memory;
  memory.bind(schedule.program(world.rank()));
  const auto weights = memory.persistent<T>("weights");
  std::transform(start.begin(), start.end(), weights.begin(), [](double w) { return static_cast<T>(w); });
  MpiOptions options = options_of(CollectivesBy::ours, 64);
  options.run.poison = true;
  const Timeline timeline = run_on_mpi(world, schedule, kSteps, memory, compute.function(), options);
  expect_timeline(world, e, schedule, kSteps, timeline);
  const bool same = std::memcmp(expected.data(), weights.data(), expected.size() * sizeof(T)) == 0;
  const bool moved = std::abs(static_cast<double>(expected[1]) - start[1]) > 0;
  e.expect(same && moved, "weights in ", sizeof(T), " bytes are not those of threads, overlap ", overlap);
}

}  // namespace

void collectives_are_exact(MpiWorld& world, Expectations& e) {
  for (const CollectiveAlgorithm& algorithm : collective_algorithms())
    for (const int chunks : {1, 3}) {
      expect_exact<float>(world, e, algorithm, chunks, options_of(CollectivesBy::ours));
      expect_exact<float>(world, e, algorithm, chunks, options_of(CollectivesBy::ours, 24));
      expect_exact<double>(world, e, algorithm, chunks, options_of(CollectivesBy::ours, 24));
      expect_exact<float>(world, e, algorithm, chunks, options_of(CollectivesBy::ours, 24), 3);
      if (!is_first_of_its_kind(algorithm)) continue;  // the library does not know our algorithms apart
      expect_exact<float>(world, e, algorithm, chunks, options_of(CollectivesBy::library));
      MpiOptions split = options_of(CollectivesBy::library);
      split.largest_count = 8;
      expect_exact<double>(world, e, algorithm, chunks, split);
    }
}

void training_equals_threads(MpiWorld& world, Expectations& e) {
  for (const bool overlap : {true, false}) {
    expect_same_training<double>(world, e, Kernels::naive_f64, overlap);
    expect_same_training<float>(world, e, Kernels::fast, overlap);
  }
}

/// Every rank sends "a" one way on stream 1 and "b" the other way on stream 2, in both directions at the same time, then takes
/// what came; ids are far apart. A compute op stands on a communication stream, too.
void exchanges_in_both_directions(MpiWorld& world, Expectations& e) {
  constexpr int kCount = 70'000, kIterations = 25;  // large enough for a rendezvous inside of MPI
  const int n = world.size();
  if (n == 1) return;  // nobody sends to itself
  Schedule schedule = empty_schedule(n, kCount);
  Program& program = schedule.programs[0];
  for (const char* name : {"b2", "from left", "from right"})
    program.buffers.push_back({name, BufferKind::weights, DType::f32, {1, kCount, 1, 1}});
  const Region a = all_of(program, 0), b = all_of(program, 2), left = all_of(program, 3), right = all_of(program, 4);
  program.ops.push_back(exchange_op("to the right", Message{{0, 1}, a, 2'000'000'011}, Message{{0, -1}, left, 2'000'000'011}, 1));
  program.ops.push_back(exchange_op("to the left", Message{{0, -1}, b, 7}, Message{{0, 1}, right, 7}, 2));
  program.ops.push_back(compute_op("take a", {{Role::x, Access::read, left}, {Role::y, Access::write, a}}, {0}, 1));
  program.ops.push_back(compute_op("take b", {{Role::x, Access::read, right}, {Role::y, Access::write, b}}, {1}, 0));
  program.ops.push_back(exchange_op("once more", Message{{0, -1}, b, 9}, Message{{0, 1}, right, 9}, 2, {3}));
  RankMemory memory;
  memory.bind(program);
  const auto fill = [&](const char* name, float base) {
    const auto values = memory.persistent<float>(name);
    for (std::size_t i = 0; i < values.size(); ++i)
      values[i] = base + static_cast<float>(i % 1000) + 10'000.0F * static_cast<float>(world.rank());
  };
  fill("a", 1);
  fill("b2", 5000);
  const ComputeFn take = [](const ComputeCall& call) {
    const float* from = call.memory.at<float>(call.compute.operands[0].region);
    std::copy_n(from, kCount, call.memory.at<float>(call.compute.operands[1].region));
  };
  const Timeline timeline = run_on_mpi(world, schedule, kIterations, memory, take, options_of(CollectivesBy::ours));
  expect_timeline(world, e, schedule, kIterations, timeline);
  const auto from = [&](int steps) { return static_cast<float>(((world.rank() + steps) % n + n) % n); };
  const auto expect = [&](const char* name, float base, int steps) {
    const auto values = memory.persistent<float>(name);
    int wrong = 0;
    for (std::size_t i = 0; i < values.size(); ++i)
      wrong += values[i] == base + static_cast<float>(i % 1000) + 10'000.0F * from(steps) ? 0 : 1;
    e.expect(wrong == 0, wrong, " wrong elements of ", name);
  };
  expect("a", 1, -kIterations);
  expect("b2", 5000, kIterations);
  expect("from right", 5000, kIterations + 1);
}

/// A mesh of two axes: sums along one on stream 1 and along the other on stream 2, equal ids on both axes.
void two_axes_and_streams(MpiWorld& world, Expectations& e) {
  if (world.size() % 2 != 0) return;
  constexpr int kCount = 1000, kIterations = 3;
  Schedule schedule = empty_schedule(world.size(), kCount);
  schedule.mesh = {{{"data", world.size() / 2}, {"model", 2}}};
  Program& program = schedule.programs[0];
  program.buffers[1] = {"b", BufferKind::weights, DType::f64, {1, kCount, 1, 1}};
  program.ops.push_back(all_reduce_op(all_of(program, 0), 4, {}, 1));
  program.ops.push_back(all_reduce_op(all_of(program, 1), 4, {}, 2));
  std::get<Collective>(program.ops[1].action).axis = 1;
  for (const CollectivesBy by : {CollectivesBy::ours, CollectivesBy::library}) {
    RankMemory memory;
    memory.bind(program);
    const auto a = memory.persistent<float>("a");
    const auto b = memory.persistent<double>("b");
    for (std::int64_t i = 0; i < kCount; ++i) {
      a[static_cast<std::size_t>(i)] = value_of(world.rank(), i);
      b[static_cast<std::size_t>(i)] = value_of(world.rank(), i) + 0.5F;
    }
    expect_timeline(world, e, schedule, kIterations, run_on_mpi(world, schedule, kIterations, memory, kNothing, options_of(by)));
    const auto sum_over = [&](int axis, std::int64_t i, double more) {
      double sum = 0;
      for (const int r : schedule.mesh.group(world.rank(), axis)) sum += static_cast<double>(value_of(r, i)) + more;
      for (int k = 1; k < kIterations; ++k) sum *= schedule.mesh.axes[static_cast<std::size_t>(axis)].extent;
      return sum;
    };
    int wrong = 0;
    for (std::int64_t i = 0; i < kCount; ++i) {
      wrong += static_cast<double>(a[static_cast<std::size_t>(i)]) == sum_over(0, i, 0) ? 0 : 1;
      wrong += b[static_cast<std::size_t>(i)] == sum_over(1, i, 0.5) ? 0 : 1;
    }
    e.expect(wrong == 0, wrong, " wrong elements on two axes by ", to_string(by));
  }
}

void hooks_poison_and_records(MpiWorld& world, Expectations& e) {
  Schedule schedule = empty_schedule(world.size(), 4);
  Program& program = schedule.programs[0];
  program.ops.push_back(compute_op("write b", {{Role::y, Access::write, all_of(program, 1)}}));
  program.ops.push_back(compute_op("read b", {{Role::x, Access::read, all_of(program, 1)}}));
  program.ops.push_back(compute_op("peek", {}));  // reads b without saying so
  program.ops.push_back(all_reduce_op(all_of(program, 0), 0, {2}));
  program.ops.push_back(compute_op("use", {{Role::x, Access::read, all_of(program, 0)}}, {3}));
  float seen = 0;
  const ComputeFn compute = [&](const ComputeCall& call) {
    float* b = call.memory.at<float>({1, {0, 4}});
    if (call.op.name == "write b") std::fill_n(b, 4, 5.0F);
    if (call.op.name == "peek") seen = b[2];
  };
  std::atomic<int> threads = 0;
  int steps = 0, last = -1;
  RankMemory memory;
  memory.bind(program);
  MpiOptions options = options_of(CollectivesBy::ours);
  options.run.on_thread_start = [&](int rank, int) { threads += rank == world.rank() ? 1 : 100; };
  options.run.on_step_end = [&](int, int iteration) {
    ++steps;
    last = iteration;
  };
  options.run.record = false;
  options.run.bound_cores = 1;
  const Timeline nothing = run_on_mpi(world, schedule, 6, memory, compute, options);
  e.expect(threads == 2, threads.load(), " threads said that they start");
  e.expect(steps == 6 && last == 5, steps, " steps ended, the last was ", last);
  e.expect(nothing.intervals.empty(), "intervals were recorded");
  e.expect(seen == 5.0F, "saw ", seen);
  options.run.record = true;
  options.run.poison = true;
  expect_timeline(world, e, schedule, 2, run_on_mpi(world, schedule, 2, memory, compute, options));
  e.expect(std::isnan(seen), "a dead buffer was not poisoned: ", seen);
}

void world_says_the_same_everywhere(MpiWorld& world, Expectations& e) {
  const double n = world.size(), me = world.rank();
  const std::vector<double> sums = world.sum({me, 1e-3 * me, 1});
  e.expect(sums[0] == n * (n - 1) / 2 && sums[2] == n, "sums ", sums[0], " and ", sums[2]);
  for (int r = 0; r < world.size(); ++r) {
    const std::vector<double> came =
        world.to_root(r, world.rank() == r ? std::vector<double>(1000, me + 0.5) : std::vector<double>{});
    if (world.rank() == 0) e.expect(came == std::vector<double>(1000, r + 0.5), "values of rank ", r, " did not come");
    if (world.rank() != 0) e.expect(came.empty(), "values came to rank ", world.rank());
  }
  const std::vector<std::string> texts = world.all_texts(cat("I am ", world.rank()));
  for (int r = 0; r < world.size(); ++r)
    e.expect(texts.at(static_cast<std::size_t>(r)) == cat("I am ", r), texts[static_cast<std::size_t>(r)]);
  e.expect(world.local_rank() == world.rank() && world.local_size() == world.size() && !world.spans_hosts(), "not on one host");
  if (world.size() < 3) return;
  if (std::optional<MpiWorld> two = world.first(2))
    e.expect(two->size() == 2 && two->sum({1.0}).at(0) == 2, "a world of two");
  else
    e.expect(world.rank() >= 2, "rank is not in the world of two");
}

}  // namespace convoy::tests
