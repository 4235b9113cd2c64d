/// Every plan on every network that comes with Convoy: valid, whatever the size of the buckets, with overlap and without.
#include <set>

#include "reference/core/error.h"
#include "reference/model/zoo.h"
#include "reference/plans/plan.h"
#include "reference/schedule/validate.h"
#include "tests/catch.h"

using namespace convoy;

TEST_CASE("every plan gives valid schedules for every network of the zoo") {
  int made = 0;
  const std::set<std::string_view> small = {"lenet5", "resnet20", "alexnet", "vgg16"};  // with all settings; others with one
  for (const ZooEntry& entry : zoo()) {
    const Model model = entry.make();
    for (const NamedPlan& row : named_plans())
      for (const std::int64_t bucket_bytes : {std::int64_t{1024}, std::int64_t{64 * 1024}, Plan{}.bucket_bytes})
        for (const bool overlap : {true, false}) {
          if (!small.contains(entry.name) && !(overlap && bucket_bytes == Plan{}.bucket_bytes)) continue;
          Plan plan = row.make({.ranks = 4, .global_batch = 16, .inside = "filter"});
          plan.bucket_bytes = bucket_bytes;
          plan.overlap = overlap;
          CAPTURE(entry.name, row.name, bucket_bytes, overlap);
          const std::vector<Problem> problems = validate(make_schedule(model, plan));
          REQUIRE(problems.empty());
          ++made;
        }
  }
  REQUIRE(made == static_cast<int>((small.size() * 6 + zoo().size() - small.size()) * named_plans().size()));
}

TEST_CASE("a step of another number of images keeps the plan, but for scheme c where it cannot divide them") {
  const Plan c = make_plan("one_weird_trick", {.ranks = 2, .global_batch = 8, .scheme = ExchangeScheme::c});
  REQUIRE(with_batch(c, 4).scheme == ExchangeScheme::c);
  REQUIRE(with_batch(c, 6).scheme == ExchangeScheme::a);
  Plan two_axes = c;  // the axis of the hand-over counts, not the last one
  two_axes.mesh = {{{"a", 2}, {"b", 3}}};
  two_axes.strategies = {"one_weird_trick", "spatial"};
  REQUIRE(with_batch(two_axes, 36).scheme == ExchangeScheme::c);
  REQUIRE(with_batch(two_axes, 18).scheme == ExchangeScheme::a);
  std::swap(two_axes.strategies[0], two_axes.strategies[1]);
  two_axes.mesh = {{{"b", 3}, {"a", 2}}};
  REQUIRE(with_batch(two_axes, 36).scheme == ExchangeScheme::c);
  const Plan data = make_plan("data", {.ranks = 2, .global_batch = 8});
  REQUIRE(with_batch(data, 3).global_batch == 3);
}
