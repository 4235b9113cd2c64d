/// Plans as files: what is written is read back, and what is wrong is told with file, line and field.
#include "reference/io/plan_file.h"

#include <algorithm>
#include <fstream>
#include <sstream>

#include "reference/core/error.h"
#include "reference/core/random.h"
#include "reference/io/report.h"
#include "reference/model/zoo.h"
#include "tests/catch.h"

using namespace convoy;

namespace {

template <class F>
std::string input_error(const F& f) {
  try {
    f();
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

const std::string kPlan =
    "name: mine\n"
    "mesh:\n"
    "  - {axis: data, ranks: 4, strategy: data}\n"
    "  - {axis: model, ranks: 2, strategy: filter}\n"
    "batch: 64\n"
    "batch_axis: data\n"
    "overrides:\n"
    "  fc3: {model: replicate}\n"
    "gradients: bf16\n"
    "bucket: 1MiB\n";

Plan random_plan(std::uint64_t seed) {
  Random random(seed);
  const auto chance = [&] { return random.below(2) == 0; };
  Plan plan;
  plan.name = cat("plan-", seed);
  plan.mesh.axes.clear();
  plan.strategies.clear();
  const std::vector<std::string> strategies = {"data", "filter", "channel", "megatron", "spatial", "one_weird_trick"};
  for (std::int64_t a = 0; a <= random.below(3); ++a) {
    plan.mesh.axes.push_back({cat("axis", a), 1 + static_cast<int>(random.below(9))});
    plan.strategies.push_back(strategies[static_cast<std::size_t>(random.below(std::ssize(strategies)))]);
  }
  plan.global_batch = 1 + static_cast<int>(random.below(100'000));
  plan.batch_axis = static_cast<int>(random.below(std::ssize(plan.mesh.axes) + 1)) - 1;
  for (std::int64_t i = random.below(4); i > 0; --i)
    plan.overrides[cat("node", i)][plan.mesh.axes.front().name] = static_cast<Rule>(random.below(8));
  plan.dtype = chance() ? DType::f32 : DType::f64;
  if (chance()) plan.gradient_dtype = chance() ? DType::f16 : DType::bf16;
  plan.precision = chance() ? "fp32" : "bf16";
  plan.synchronised_statistics = chance();
  plan.scheme = static_cast<ExchangeScheme>(random.below(3));
  plan.overlap = chance();
  plan.bucket_bytes = chance() ? 1 + random.below(1'000'000'000) : (1 + random.below(64)) << (10 * random.below(4));
  plan.chunks = 1 + static_cast<int>(random.below(9));
  if (chance()) plan.channels = 1 + static_cast<int>(random.below(64));
  if (chance()) plan.ranks_per_node = 1 + static_cast<int>(random.below(1000));
  if (random.below(8) == 0) {
    plan.all_reduce = "auto";
    plan.chunks = 1;
    plan.channels = 0;
  }
  plan.fusion = static_cast<Fusion>(random.below(3));
  plan.layout = static_cast<ActivationLayout>(random.below(3));
  return plan;
}

}  // namespace

TEST_CASE("every named plan is the same after it was written and read") {
  for (const NamedPlan& named : named_plans()) {
    CAPTURE(named.name);
    Plan plan = make_plan(named.name, {.ranks = 8, .global_batch = 40, .split = 4, .inside = "spatial"});
    REQUIRE(parse_plan(to_yaml(plan), "p.yaml") == plan);
    plan.gradient_dtype = DType::bf16;
    plan.synchronised_statistics = true;
    plan.overlap = false;
    plan.bucket_bytes = 12'345;
    REQUIRE(parse_plan(to_yaml(plan), "p.yaml") == plan);
  }
}

TEST_CASE("random plans are the same after they were written and read") {
  for (std::uint64_t seed = 1; seed <= 500; ++seed) {
    const Plan plan = random_plan(seed);
    CAPTURE(seed, to_yaml(plan));
    REQUIRE(parse_plan(to_yaml(plan), "p.yaml") == plan);
    REQUIRE_FALSE(parse_plan(to_yaml(random_plan(seed + 1000)), "p.yaml") == plan);
  }
}

TEST_CASE("names that YAML would take for something else survive") {
  for (const char* name : {"null", "yes", "1", "1e3", "-", "a.b_c-d"}) {
    Plan plan = make_plan("data", {.ranks = 2, .global_batch = 4});
    plan.name = name;
    plan.overrides[name]["data"] = Rule::replicate;
    CAPTURE(to_yaml(plan));
    REQUIRE(parse_plan(to_yaml(plan), "p.yaml") == plan);
  }
}

TEST_CASE("what a file does not say has the defaults of Plan") {
  const Plan plan = parse_plan(kPlan, "mine.yaml");
  REQUIRE(plan.mesh.world_size() == 8);
  REQUIRE(plan.strategies == std::vector<std::string>{"data", "filter"});
  REQUIRE(plan.batch_axis == 0);
  REQUIRE(plan.overrides.at("fc3").at("model") == Rule::replicate);
  REQUIRE(plan.gradient_dtype == DType::bf16);
  REQUIRE(plan.bucket_bytes == 1 << 20);
  REQUIRE(plan.overlap);
  REQUIRE(plan.chunks == 1);
  REQUIRE(make_schedule(make_lenet5(), plan).world_size() == 8);
}

TEST_CASE("a field that is missing, unknown, twice there or unusable is told with its place") {
  const auto error_of = [](const std::string& from, const std::string& to) {
    return input_error([&] { parse_plan(replaced(kPlan, from, to), "mine.yaml"); });
  };
  CHECK(error_of("name: mine", "") == "mine.yaml:2:1: name is missing; expected text, for example name: my-plan");
  CHECK(contains(error_of("batch: 64", ""), "batch is missing; expected a whole number from 1 to 2147483647"));
  CHECK(contains(error_of("batch_axis: data", ""), "batch_axis is missing"));
  CHECK(contains(error_of("bucket: ", "buckets: "), "mine.yaml:10:1: unknown key 'buckets'; did you mean 'bucket'?"));
  CHECK(contains(error_of("bucket: 1MiB", "batch: 3"), "mine.yaml:10:1: key 'batch' stands here for the second time"));
  CHECK(contains(error_of("batch: 64", "batch: 0"), "mine.yaml:5:8: batch is '0'; expected a whole number"));
  CHECK(contains(error_of("ranks: 4", "rank: 4"), "mine.yaml:3:18: unknown key in mesh[0] 'rank'; did you mean 'ranks'?"));
  CHECK(contains(error_of("strategy: filter", "strategy: fliter"), "mine.yaml:4:"));
  CHECK(contains(error_of("strategy: filter", "strategy: fliter"),
                 "mesh[1].strategy: unknown plan 'fliter'; did you mean 'filter'?"));
  CHECK(contains(error_of("strategy: filter", "strategy: hybrid"), "'hybrid' combines other plans"));
  CHECK(contains(error_of("axis: model", "axis: data"), "'data' is the name of two axes"));
  CHECK(contains(error_of("batch_axis: data", "batch_axis: dat"), "unknown axis 'dat'; did you mean 'data'?"));
  CHECK(contains(error_of("{model: replicate}", "{model: replicat}"), "overrides.fc3.model: unknown rule 'replicat'"));
  CHECK(contains(error_of("{model: replicate}", "{modle: replicate}"),
                 "unknown key in overrides.fc3 'modle'; did you mean 'model'?"));
  CHECK(contains(error_of("gradients: bf16", "gradients: f64"),
                 "gradients are summed in f16, in bf16 or as they are, f32, not in f64"));
  CHECK(contains(error_of("gradients: bf16", "precision: fp23"), "unknown precision 'fp23'; did you mean 'fp32'?"));
  CHECK(contains(error_of("gradients: bf16", "statistics: globl"), "unknown kind of statistics 'globl'"));
  CHECK(contains(error_of("gradients: bf16", "scheme: d"), "unknown exchange scheme 'd'"));
  CHECK(contains(error_of("gradients: bf16", "overlap: onn"), "did you mean 'on'?"));
  CHECK(contains(error_of("gradients: bf16", "all_reduce: auto\nchannels: 4"), "auto chooses channels too; leave the line out"));
  CHECK(contains(error_of("gradients: bf16", "channels: 65"), "channels"));
  CHECK(contains(error_of("gradients: bf16", "all_reduce: rign"), "did you mean 'ring'?"));
  CHECK(contains(error_of("gradients: bf16", "at_root: on"), "write batch_axis: none"));
  CHECK(contains(error_of("name: mine", "name: my plan"), "'my plan' is no name"));
  CHECK(contains(error_of("ranks: 4", "ranks: 1000000"), "mine.yaml:4:"));
  CHECK(contains(input_error([] { parse_plan("name: x\nmesh: []\n", "e.yaml"); }), "e.yaml:2:7: mesh is an empty list"));
  CHECK(contains(input_error([] { parse_plan("name: x\nmesh: 4\n", "e.yaml"); }), "mesh is '4'; expected a list of maps"));
  CHECK(contains(input_error([] { parse_plan("[1, 2]", "e.yaml"); }), "e.yaml:1:1: the file must be a map"));
  CHECK(contains(input_error([] { parse_plan("name: {", "e.yaml"); }), "not YAML"));
}

TEST_CASE("at the root every axis has the strategy of the root") {
  const std::string yaml = to_yaml(make_plan("data_parallel_root", {.ranks = 3, .global_batch = 9}));
  REQUIRE(parse_plan(yaml, "r.yaml").at_root);
  CHECK(contains(input_error([&] { parse_plan(replaced(yaml, "strategy: data_parallel_root", "strategy: filter"), "r.yaml"); }),
                 "at_root: on goes with strategy: data_parallel_root on every axis, not with 'filter'"));
}

TEST_CASE("a choice makes the same plan as the file that it was read from") {
  const Plan plan = parse_plan(kPlan, "mine.yaml");
  ScheduleChoice choice{.model = "lenet5", .plan = "mine", .ranks = 8, .global_batch = 64, .bucket_bytes = 1 << 20};
  choice.gradient_dtype = DType::bf16;
  choice.plan_yaml = to_yaml(plan);
  REQUIRE(plan_of(choice) == plan);
  choice.ranks = 6;
  REQUIRE(contains(input_error([&] { plan_of(choice); }), "plan 'mine' has a mesh of 8 ranks, not of 6"));
}

TEST_CASE("the plan of docs/formats.md can be read and divides a network") {
  std::ostringstream text;
  text << std::ifstream(std::string(CONVOY_SOURCE_DIR) + "/docs/formats.md").rdbuf();
  const std::string all = text.str();
  const std::size_t begin = all.find("```yaml\n", all.find("## Plans"));
  REQUIRE(begin != std::string::npos);
  const std::string yaml = all.substr(begin + 8, all.find("```", begin + 8) - begin - 8);
  const Plan plan = parse_plan(yaml, "docs/formats.md");
  REQUIRE(make_schedule(make_lenet5(), plan).world_size() == plan.mesh.world_size());
  std::vector<std::string> missing;
  for (const char* key :
       {"name", "mesh", "batch", "batch_axis", "overrides", "dtype", "gradients", "precision", "statistics", "at_root", "scheme",
        "overlap", "bucket", "all_reduce", "chunks", "channels", "ranks_per_node", "fusion", "layout"})
    if (!contains(yaml, std::string(key) + ":")) missing.emplace_back(key);
  REQUIRE(missing == std::vector<std::string>{});
}
