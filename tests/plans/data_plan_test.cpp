/// The plan `data`: buckets and classes of ranks.
#include <set>

#include "reference/core/error.h"
#include "reference/core/random.h"
#include "reference/model/zoo.h"
#include "reference/plans/plan.h"
#include "reference/schedule/memory.h"
#include "reference/schedule/validate.h"
#include "tests/catch.h"

using namespace convoy;

namespace {

/// The buckets of a schedule: what each update goes over.
std::vector<Slice> buckets_of(const Schedule& schedule) {
  std::vector<Slice> buckets;
  for (const Op& op : schedule.programs.at(0).ops)
    if (const auto* compute = std::get_if<Compute>(&op.action); compute != nullptr && compute->kind == ComputeKind::update)
      buckets.push_back(compute->operands.at(0).region.slice);
  return buckets;
}

/// The offsets at which the learned tensors of a node end.
std::set<std::int64_t> ends_of_nodes(const Model& model) {
  std::set<std::int64_t> ends;
  const std::vector<Parameter> all = parameters(model);
  for (std::size_t i = 0; i < all.size(); ++i)
    if (i + 1 == all.size() || all[i + 1].node != all[i].node) ends.insert(all[i].offset + all[i].shape.count());
  return ends;
}

}  // namespace

TEST_CASE("buckets follow backward, end with whole layers and lose nothing") {
  for (const ZooEntry& entry : zoo()) {
    const Model model = entry.make();
    for (const std::int64_t bytes :
         {std::int64_t{1}, std::int64_t{64 * 1024}, std::int64_t{25 * 1024 * 1024}, std::int64_t{1} << 40}) {
      Plan plan = make_plan("data", {.ranks = 2, .global_batch = 2});
      plan.bucket_bytes = bytes;
      const std::vector<Slice> buckets = buckets_of(make_schedule(model, plan));
      const std::set<std::int64_t> ends = ends_of_nodes(model);
      std::int64_t at = 0;
      for (std::size_t i = 0; i < buckets.size(); ++i) {
        REQUIRE(buckets[i].offset == at);
        REQUIRE(buckets[i].count > 0);
        REQUIRE(ends.contains(buckets[i].end()));
        if (i + 1 < buckets.size()) REQUIRE(buckets[i].count * 4 >= bytes);
        at = buckets[i].end();
      }
      REQUIRE(at == parameter_count(model));
      if (bytes == 1) REQUIRE(buckets.size() == ends.size());
      if (bytes == std::int64_t{1} << 40) REQUIRE(buckets.size() == 1);
    }
  }
}

TEST_CASE("ranks with as many images share a program") {
  const Model model = make_lenet5();
  REQUIRE(make_schedule(model, make_plan("data", {.ranks = 4, .global_batch = 64})).programs.size() == 1);
  const Schedule uneven = make_schedule(model, make_plan("data", {.ranks = 3, .global_batch = 64}));
  REQUIRE(uneven.programs.size() == 2);
  std::int64_t images = 0;
  for (int r = 0; r < 3; ++r) {
    REQUIRE(uneven.samples(r).offset == images);
    REQUIRE(uneven.samples(r).count == uneven.program(r).batch);
    images += uneven.samples(r).count;
  }
  REQUIRE(images == 64);
  const Schedule few = make_schedule(model, make_plan("data", {.ranks = 5, .global_batch = 2}));
  REQUIRE(validate(few).empty());
}

TEST_CASE("without overlap every reduction waits for the end of backward") {
  Plan plan = make_plan("data", {.ranks = 2, .global_batch = 8});
  plan.bucket_bytes = 64 * 1024;
  plan.overlap = false;
  const Schedule schedule = make_schedule(make_lenet5(), plan);
  const Program& program = schedule.programs[0];
  int reductions = 0;
  int last_backward = -1;
  for (std::size_t op = 0; op < program.ops.size(); ++op)
    if (program.ops[op].name.find("backward") != std::string::npos) last_backward = static_cast<int>(op);
  for (const Op& op : program.ops)
    if (std::holds_alternative<Collective>(op.action)) {
      REQUIRE(op.after == std::vector<int>{last_backward});
      ++reductions;
    }
  REQUIRE(reductions == static_cast<int>(buckets_of(schedule).size()));
}

TEST_CASE("random worlds, batches and buckets give valid schedules") {
  Random random(20260);  // printed by CAPTURE when something fails
  const Model model = make_lenet5();
  for (int i = 0; i < 300; ++i) {
    Plan plan = make_plan(
        "data", {.ranks = 1 + static_cast<int>(random.below(40)), .global_batch = 1 + static_cast<int>(random.below(80))});
    plan.bucket_bytes = 1 + random.below(300'000);
    plan.overlap = random.below(2) == 0;
    plan.chunks = 1 + static_cast<int>(random.below(4));
    plan.dtype = random.below(2) == 0 ? DType::f32 : DType::f64;
    CAPTURE(i, plan.mesh.world_size(), plan.global_batch, plan.bucket_bytes, plan.overlap);
    const std::vector<Problem> problems = validate(make_schedule(model, plan, i % 5 == 0 ? Mode::evaluate : Mode::train));
    REQUIRE(problems.empty());
  }
}

TEST_CASE("a schedule for 16,384 ranks is a few hundred ops") {
  const Schedule schedule = make_schedule(make_vgg16(), make_plan("data", {.ranks = 16384, .global_batch = 32 * 16384}));
  std::size_t ops = 0;
  for (const Program& program : schedule.programs) ops += program.ops.size();
  REQUIRE(ops < 300);
}

TEST_CASE("plans that make no sense are refused") {
  const Model model = make_lenet5();
  Plan plan = make_plan("data", {.ranks = 2, .global_batch = 8});
  plan.bucket_bytes = 0;
  REQUIRE_THROWS_AS(make_schedule(model, plan), std::invalid_argument);
  plan = make_plan("data", {.ranks = 2, .global_batch = 0});
  REQUIRE_THROWS_AS(make_schedule(model, plan), std::invalid_argument);
  plan = make_plan("data", {.ranks = 2, .global_batch = 8});
  plan.all_reduce = "rign";
  REQUIRE_THROWS_AS(make_schedule(model, plan), InputError);
  REQUIRE_THROWS_AS(make_plan("dta", {}), InputError);
}
