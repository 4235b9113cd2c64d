/// Compressed gradients: training equals a serial emulation of the same rule, written down once more here.
#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>
#include <span>

#include "reference/core/payload.h"
#include "reference/cpu/compress.h"
#include "reference/plans/served_schedule.h"
#include "reference/schedule/validate.h"
#include "tests/catch.h"
#include "tests/oracle/compare.h"
#include "tests/oracle/models.h"
#include "tests/oracle/mutants.h"
#include "tests/oracle/served.h"

using namespace convoy;
using namespace convoy::tests;

namespace {

/// Adds the elements of some gradients that a rank sends; `error` is changed. By sorting all of them.
void add_largest(std::span<const double> g, std::span<double> error, double share, std::span<double> sum) {
  std::vector<std::size_t> order(g.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  for (std::size_t i = 0; i < g.size(); ++i) error[i] += g[i];
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return std::abs(error[a]) > std::abs(error[b]); });
  const auto kept = std::max<std::size_t>(1, static_cast<std::size_t>(std::lround(share * static_cast<double>(g.size()))));
  for (std::size_t i = 0; i < kept; ++i) {
    const double sent = static_cast<float>(error[order[i]]);
    sum[order[i]] += sent;
    error[order[i]] -= sent;
  }
}

/// Adds 8 bits of every element, by blocks.
void add_rounded(std::span<const double> g, std::span<double> sum) {
  constexpr std::size_t kBlock = 256;
  for (std::size_t begin = 0; begin < g.size(); begin += kBlock) {
    const std::size_t end = std::min(g.size(), begin + kBlock);
    float most = 0;
    for (std::size_t i = begin; i < end; ++i) most = std::max(most, std::abs(static_cast<float>(g[i])));
    for (std::size_t i = begin; i < end && most > 0; ++i)
      sum[i] += static_cast<double>(std::nearbyint(static_cast<float>(g[i]) / (most / 127)) * (most / 127));
  }
}

/// Serial training by the rule: every worker's gradients, bucket by bucket, go through its own compression and are added.
std::vector<double> emulate(const Training& t, const Plan& plan, const std::vector<Slice>& buckets) {
  const int workers = worker_count(plan);
  std::vector<double> weights = initial_weights(t.model, t.settings.seed);
  std::vector<double> momentum;
  momentum.resize(weights.size());  // not in one line: GCC 12 then warns of a delete that there is not
  std::vector<std::vector<double>> errors(static_cast<std::size_t>(workers), momentum);
  std::vector<std::unique_ptr<Oracle>> oracles;
  for (int w = 0; w < workers; ++w) {
    const Slice share = shard(plan.global_batch, workers, w);
    OracleSettings settings = t.settings;
    settings.batch = static_cast<int>(share.count);
    settings.first_sample = share.offset;
    settings.global_batch = plan.global_batch;
    settings.statistics_groups = {};
    oracles.push_back(std::make_unique<Oracle>(t.model, t.data, settings));
  }
  for (int step = 0; step < t.settings.steps; ++step) {
    std::vector<double> sum(weights.size(), 0.0);
    for (int w = 0; w < workers; ++w) {
      const std::vector<double> g = oracles[static_cast<std::size_t>(w)]->gradients(weights, step);
      for (const Slice& bucket : buckets) {
        const std::span part = std::span(g).subspan(static_cast<std::size_t>(bucket.offset), static_cast<std::size_t>(bucket.count));
        const std::span error = std::span(errors[static_cast<std::size_t>(w)])
                                    .subspan(static_cast<std::size_t>(bucket.offset), static_cast<std::size_t>(bucket.count));
        const std::span into = std::span(sum).subspan(static_cast<std::size_t>(bucket.offset), static_cast<std::size_t>(bucket.count));
        if (plan.compression.method == "int8")
          add_rounded(part, into);
        else
          add_largest(part, error, plan.compression.keep, into);
      }
    }
    cpu::naive::sgd_update<double>(weights, sum, momentum, t.settings.sgd);
  }
  return weights;
}

std::vector<Slice> buckets_of(const Schedule& schedule) {
  std::vector<Slice> buckets;
  for (const Op& op : schedule.programs.front().ops)
    if (const auto* compute = std::get_if<Compute>(&op.action); compute != nullptr && compute->kind == ComputeKind::update)
      buckets.push_back(compute->operands.front().region.slice);
  return buckets;
}

}  // namespace

TEST_CASE("training with compressed gradients equals a serial emulation of the rule") {
  for (const Model& model : {small_lenet(), branches(), short_resnet()})
    for (const int ranks : {2, 3})
      for (const Compression& compression : {Compression{"top_k", 0.05}, Compression{"top_k", 1}, Compression{"int8"}})
        for (const bool overlap : {true, false}) {
          Plan plan = make_plan("data", {.ranks = ranks, .global_batch = 7});
          plan.dtype = DType::f64;
          plan.overlap = overlap;
          plan.bucket_bytes = overlap ? 3000 : 1 << 20;
          plan.compression = compression;
          const Training t = training_of(model, 7, 4);
          const Schedule schedule = make_schedule(model, plan);
          CAPTURE(model.name, ranks, compression.method, compression.keep, overlap);
          for (const Problem& problem : validate(schedule)) FAIL(to_string(schedule, problem));
          const PlannedRun run = run_planned(schedule, model, t.data, t.settings);
          REQUIRE(relative_difference(model, emulate(t, plan, buckets_of(schedule)), run) <= 1e-9);
          REQUIRE(run.replicas_agree);
          REQUIRE(run.miscounted == "");
          if (compression.keep == 1) {  // all of it in floats: near the exact run
            Training exact = t;
            exact.settings.statistics_groups = statistics_groups(schedule);
            REQUIRE(relative_difference(model, serial_run(exact).values.weights, run) <= 1e-5);
          }
        }
}

TEST_CASE("servers that get compressed gradients train by the same rule, a server's part in place of a bucket") {
  for (const Model& model : {small_lenet(), branches(), short_resnet()})
    for (const PlanServers& servers : places())
      for (const Compression& compression : {Compression{"top_k", 0.05}, Compression{"int8"}})
        for (const bool overlap : {true, false}) {
          Plan plan = served(servers, 3, 7);
          plan.dtype = DType::f64;
          plan.overlap = overlap;
          plan.compression = compression;
          const Training t = training_of(model, 7, 4);
          const Schedule schedule = make_schedule(model, plan);
          CAPTURE(model.name, servers.count, servers.own_ranks, compression.method, overlap);
          for (const Problem& problem : validate(schedule)) FAIL(to_string(schedule, problem));
          std::vector<Slice> parts;
          for (int s = 0; s < servers.count; ++s) parts.push_back(shard(parameter_count(model), servers.count, s));
          const PlannedRun run = run_planned(schedule, model, t.data, t.settings);
          REQUIRE(relative_difference(model, emulate(t, plan, parts), run) <= 1e-9);
          REQUIRE(run.replicas_agree);
          REQUIRE(run.miscounted == "");
          REQUIRE(run.breaches.empty());
        }
}

TEST_CASE("every mutant of a worker's compressed traffic with servers fails the comparison") {
  const Training t = training_of(small_lenet(), 6, 2);
  Plan plan = served({.count = 2}, 3, 6);
  plan.dtype = DType::f64;
  plan.compression = {"top_k", 0.2};
  const Schedule good = make_schedule(t.model, plan);
  const std::int64_t weights = parameter_count(t.model);
  const std::vector<double> expected = emulate(t, plan, {shard(weights, 2, 0), shard(weights, 2, 1)});
  REQUIRE(relative_difference(t.model, expected, run_planned(good, t.model, t.data, t.settings)) <= 1e-9);
  int mutants = 0;
  for (const Mutant& mutant : mutants_of(good, {Change::deletion, Change::deletion_on_one_class})) {
    const Outcome outcome = outcome_of(mutant.schedule, [&](double time_out_s) {
      const PlannedRun got = run_planned(mutant.schedule, t.model, t.data, t.settings, {.check = false, .time_out_s = time_out_s});
      return relative_difference(t.model, expected, got) <= 1e-9 && got.replicas_agree;
    });
    CAPTURE(mutant.label, outcome);
    REQUIRE(is_found(outcome));
    ++mutants;
  }
  REQUIRE(mutants >= 8);
}

TEST_CASE("8 bits lose at most half a step of a block, and what top_k does not send is in the error") {
  std::vector<float> g(1000), error(1000, 0.25F), sum(1000);
  for (std::size_t i = 0; i < g.size(); ++i) g[i] = std::sin(static_cast<float>(i)) * static_cast<float>(i);
  std::vector<std::uint32_t> bits(static_cast<std::size_t>(int8_words(1000)));
  cpu::compress_int8<float>(g, bits);
  cpu::add_payloads<float>(bits, 1, sum);
  for (std::size_t i = 0; i < g.size(); ++i) {
    const std::size_t block = i / 256 * 256;
    float most = 0;
    for (std::size_t j = block; j < std::min<std::size_t>(1000, block + 256); ++j) most = std::max(most, std::abs(g[j]));
    REQUIRE(std::abs(sum[i] - g[i]) <= most / 127 / 2 * 1.0001F);
  }
  std::vector<std::uint32_t> pairs(static_cast<std::size_t>(top_k_words(kept_pairs(1000, 0.02))));
  REQUIRE(pairs.size() == 42);
  cpu::compress_top_k<float>(g, error, pairs);
  cpu::add_payloads<float>(pairs, 1, sum);
  REQUIRE(1000 - std::ranges::count(sum, 0.0F) == 20);
  for (std::size_t i = 0; i < g.size(); ++i) REQUIRE(sum[i] + error[i] == Approx(g[i] + 0.25F));
  pairs[2] = 1000;  // a place that does not exist
  REQUIRE_THROWS_AS(cpu::add_payloads<float>(pairs, 1, sum), std::invalid_argument);
}

TEST_CASE("validate finds gradients that change after they were compressed, and payloads that were not gathered") {
  Plan plan = make_plan("data", {.ranks = 2, .global_batch = 4});
  plan.compression.method = "int8";
  Schedule schedule = make_schedule(small_lenet(), plan);
  REQUIRE(validate(schedule).empty());
  for (Program& program : schedule.programs)
    for (Op& op : program.ops)
      if (std::holds_alternative<Collective>(op.action)) op.action = Compute{ComputeKind::join, -1, {}, {}};
  plan = served({.count = 1}, 2, 4);
  plan.compression.method = "int8";
  Schedule pushes = make_schedule(small_lenet(), plan);
  REQUIRE(validate(pushes).empty());
  for (Program& program : pushes.programs)  // half of the gradients are compressed
    for (Op& op : program.ops)
      if (auto* compute = std::get_if<Compute>(&op.action); compute != nullptr && compute->kind == ComputeKind::compress)
        compute->operands.front().region.slice.count /= 2;
  REQUIRE(!validate(pushes).empty());
  bool unreduced = false;
  for (const Problem& problem : validate(schedule)) unreduced = unreduced || problem.rule == "unreduced gradient" || problem.rule == "read before write";
  REQUIRE(unreduced);
}

TEST_CASE("what compression does not go with is refused") {
  Plan plan = make_plan("filter", {.ranks = 2, .global_batch = 4});
  plan.compression.method = "int8";
  REQUIRE_THROWS_AS(make_schedule(small_lenet(), plan), InputError);
  plan = make_plan("data", {.ranks = 2, .global_batch = 4});
  plan.compression = {"top_k", 0};
  REQUIRE_THROWS_AS(make_schedule(small_lenet(), plan), InputError);
  plan.compression = {"topk", 0.1};
  REQUIRE_THROWS_AS(make_schedule(small_lenet(), plan), InputError);
}
