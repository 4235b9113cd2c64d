/// Data parallelism with gradients summed in 16 bits equals a serial emulation of the rounding: every rank's gradients in double,
/// rounded to 16 bits, go through the rounds of the ring for all ranks in one thread, and come back.
#include "reference/core/half.h"
#include "tests/catch.h"
#include "tests/oracle/compare.h"
#include "tests/oracle/models.h"

using namespace convoy;
using namespace convoy::tests;

namespace {

/// What a plan rounds: the type, its buckets and its ring.
struct Rounding {
  std::vector<Slice> buckets;  ///< of the flat gradients
  std::string algorithm;
  int chunks = 1;
};

Rounding rounding_of(const Plan& plan, const Schedule& schedule) {
  Rounding rounding{{}, plan.all_reduce, plan.chunks};
  for (const Op& op : schedule.program(0).ops)
    if (const auto* compute = std::get_if<Compute>(&op.action); compute != nullptr && compute->kind == ComputeKind::update)
      rounding.buckets.push_back(compute->operands.front().region.slice);
  return rounding;
}

/// Runs a collective for all ranks, one round after the other, in the arithmetic of T.
template <class T>
void run_rounds(const CollectiveAlgorithm& algorithm, CollectiveRequest request, std::vector<std::vector<T>>& buffers) {
  std::vector<Rounds> rounds;
  for (request.rank = 0; request.rank < request.world_size; ++request.rank) rounds.push_back(algorithm.rounds(request));
  for (std::int64_t i = 0; i < rounds.front().count; ++i) {
    const std::vector<std::vector<T>> before = buffers;  // a round sends what was there when it began
    for (std::size_t r = 0; r < rounds.size(); ++r) {
      const Round round = rounds[r].at(i);
      if (!round.recv) continue;
      const std::vector<T>& from = before[static_cast<std::size_t>(round.recv->peer)];
      for (std::int64_t e = round.recv->slice.offset; e < round.recv->slice.end(); ++e) {
        T& mine = buffers[r][static_cast<std::size_t>(e)];
        if (round.on_receive == OnReceive::add) {
          mine += from[static_cast<std::size_t>(e)];
        } else {
          mine = from[static_cast<std::size_t>(e)];
        }
      }
    }
  }
}

/// The sum of the gradients of all ranks as the ring makes it in T. All ranks end with the same.
template <class T>
std::vector<double> rounded_sum(const std::vector<std::vector<double>>& of_ranks, const Rounding& rounding) {
  std::vector<double> sum(of_ranks.front().size());
  for (const Slice& bucket : rounding.buckets) {
    std::vector<std::vector<T>> buffers;
    for (const std::vector<double>& gradients : of_ranks) {
      buffers.emplace_back();
      for (std::int64_t i = bucket.offset; i < bucket.end(); ++i)
        buffers.back().push_back(T(static_cast<float>(gradients[static_cast<std::size_t>(i)])));
    }
    run_rounds(
        collective_algorithm(CollectiveKind::all_reduce, rounding.algorithm),
        {.rank = 0, .world_size = static_cast<int>(of_ranks.size()), .root = 0, .count = bucket.count, .chunks = rounding.chunks},
        buffers);
    for (std::int64_t i = 0; i < bucket.count; ++i)
      sum[static_cast<std::size_t>(bucket.offset + i)] = static_cast<float>(buffers.front()[static_cast<std::size_t>(i)]);
  }
  return sum;
}

/// The weights after all steps: every rank's gradients are those of a serial run over its share of the batch.
template <class T>
std::vector<double> emulate(const Training& training, int ranks, const Rounding& rounding) {
  std::vector<std::unique_ptr<Oracle>> oracles;
  for (int r = 0; r < ranks; ++r) {
    OracleSettings share = training.settings;
    const Slice mine = shard(training.settings.batch, ranks, r);
    share.batch = static_cast<int>(mine.count);
    share.first_sample = mine.offset;
    share.global_batch = training.settings.batch;
    oracles.push_back(mine.count > 0 ? std::make_unique<Oracle>(training.model, training.data, share) : nullptr);
  }
  std::vector<double> weights = initial_weights(training.model, training.settings.seed);
  std::vector<double> momentum(weights.size(), 0.0);
  for (int s = 0; s < training.settings.steps; ++s) {
    std::vector<std::vector<double>> gradients;
    for (const auto& oracle : oracles)
      gradients.push_back(oracle ? oracle->gradients(weights, s) : std::vector<double>(weights.size(), 0.0));
    cpu::naive::sgd_update<double>(weights, rounded_sum<T>(gradients, rounding), momentum, training.settings.sgd);
  }
  return weights;
}

std::vector<double> emulate(DType type, const Training& training, int ranks, const Rounding& rounding) {
  return type == DType::f16 ? emulate<Float16>(training, ranks, rounding) : emulate<BFloat16>(training, ranks, rounding);
}

Plan plan_of(DType type, int ranks, int batch, bool overlap) {
  Plan plan = make_plan("data", {.ranks = ranks, .global_batch = batch});
  plan.gradient_dtype = type;
  plan.dtype = DType::f64;
  plan.overlap = overlap;
  plan.bucket_bytes = overlap ? 1500 : 9000;
  plan.chunks = overlap ? 1 : 2;
  return plan;
}

}  // namespace

TEST_CASE("gradients summed in 16 bits equal a serial emulation of the rounding") {
  for (const Model& model : {small_lenet(), short_resnet(), branches()})
    for (const DType type : {DType::f16, DType::bf16})
      for (const int ranks : {2, 3, 4})
        for (const int batch : {3, 8})
          for (const bool overlap : {true, false}) {
            CAPTURE(model.name, to_string(type), ranks, batch, overlap);
            const Training training = training_of(model, batch, 4);
            const Plan plan = plan_of(type, ranks, batch, overlap);
            const Schedule schedule = make_schedule(model, plan);
            const PlannedRun run = run_planned(schedule, model, training.data, training.settings);
            REQUIRE(run.replicas_agree);
            // Both sides round the same doubles, made by the same kernels on the same images.
            const std::vector<double> expected = emulate(type, training, ranks, rounding_of(plan, schedule));
            REQUIRE(relative_difference(model, expected, run) <= 1e-9);
            // And the rounding is there: without it the weights would be others, by about the precision of the type.
            const double precision = type == DType::f16 ? 0x1p-11 : 0x1p-8;
            Training exact = training;
            exact.settings.statistics_groups = statistics_groups(schedule);
            const double lost = relative_difference(model, serial_run(exact).values.weights, run);
            REQUIRE(lost > 1e-3 * precision);
          }
}

TEST_CASE("in float too, 16-bit gradients follow the emulation") {
  // Gradients in float differ from those in double by some 1e-6 of themselves, so a few are rounded to the neighbour: one unit in
  // the last place of 16 bits, for which the learning rate and four steps leave less than 2^-9 of the largest weight.
  const Training training = training_of(branches(), 7, 4);
  for (const DType type : {DType::f16, DType::bf16})
    for (const Kernels kernels : {Kernels::naive_f32, Kernels::fast}) {
      Plan plan = plan_of(type, 3, 7, true);
      plan.dtype = DType::f32;
      const Schedule schedule = make_schedule(training.model, plan);
      const PlannedRun run = run_planned(schedule, training.model, training.data, training.settings, {.kernels = kernels});
      const std::vector<double> expected = emulate(type, training, 3, rounding_of(plan, schedule));
      CAPTURE(to_string(type));
      REQUIRE(relative_difference(training.model, expected, run) <= 0x1p-9);
    }
}

TEST_CASE("every plan that sums gradients can do so in 16 bits, and stays near the exact run") {
  const Training training = training_of(small_lenet(), 6, 3);
  const Expected exact = serial_run(training);
  int summed = 0;
  for (const NamedPlan& row : named_plans())
    for (const DType type : {DType::f16, DType::bf16}) {
      if (row.name == "parameter_server" || row.name == "sharded_optimizer" || row.name == "local_sgd") continue;  // which sum them as they are, or none
      Plan plan = make_plan(row.name, {.ranks = 4, .global_batch = 6, .inside = "spatial"});
      plan.dtype = DType::f64;
      plan.gradient_dtype = type;
      const Schedule schedule = make_schedule(training.model, plan);
      const PlannedRun run = run_planned(schedule, training.model, training.data, training.settings);
      const double lost = relative_difference(training.model, exact.values.weights, run);
      CAPTURE(row.name, to_string(type));
      REQUIRE(lost <= (type == DType::f16 ? 4 * 0x1p-11 : 4 * 0x1p-8));
      summed += lost > 1e-9 ? 1 : 0;
    }
  REQUIRE(summed == 2 * 5);  // data, data_parallel_root, spatial, one_weird_trick, hybrid
}
