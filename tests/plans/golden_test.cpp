/// The schedule of a tiny network for every plan on 2 ranks, word for word: tests/plans/golden/<plan>.txt.
///
/// A change of these files is a change of what every executor runs. When it is wanted, write them anew and read the difference:
///     CONVOY_WRITE_GOLDEN=1 build/release/tests/test_plans "the schedule*"
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "reference/core/error.h"
#include "reference/model/builder.h"
#include "reference/plans/plan.h"
#include "reference/schedule/text.h"
#include "reference/schedule/validate.h"
#include "tests/catch.h"

using namespace convoy;

namespace {

Model tiny() {
  ModelBuilder net("tiny", {1, 2, 4, 4}, 3);
  net.add("conv", Conv2d{3, square_window(3, 1, 1)});
  net.add("relu", ReLU{});
  net.add("flatten", Flatten{});
  net.add("fc1", Linear{4});
  net.add("fc2", Linear{3});
  return net.finish();
}

/// One file.
struct Golden {
  std::string file;
  Plan plan;
};

std::vector<Golden> goldens() {
  std::vector<Golden> all;
  for (const NamedPlan& row : named_plans()) {
    const bool hybrid = row.rules == nullptr;  // two groups of two
    all.push_back({std::string(row.name), make_plan(row.name, {.ranks = hybrid ? 4 : 2, .global_batch = 2})});
  }
  for (Golden& golden : all)
    if (golden.plan.local.steps > 0) golden.plan.local = {.steps = 2, .momentum = LocalMomentum::average, .images = 6};  // 2, 2, 1, 1 a rank
  for (const int stage : {2, 3})
    all.push_back({cat("sharded_optimizer_", stage), make_plan("sharded_optimizer", {.ranks = 2, .global_batch = 2, .zero = stage})});
  all.push_back({"parameter_server_own", make_plan("parameter_server", {.ranks = 4, .global_batch = 3, .servers = {.count = 2, .own_ranks = true, .mode = "ssp", .bound = 2}})});
  all.push_back({"parameter_server_top_k", make_plan("parameter_server", {.ranks = 2, .global_batch = 2})});
  all.back().plan.compression = {"top_k", 0.25};
  for (const ExchangeScheme scheme : {ExchangeScheme::b, ExchangeScheme::c})
    all.push_back({cat("one_weird_trick_", to_string(scheme)),
                   make_plan("one_weird_trick", {.ranks = 2, .global_batch = 4, .scheme = scheme})});
  Plan half = make_plan("data", {.ranks = 2, .global_batch = 3});
  half.gradient_dtype = DType::bf16;
  half.overlap = false;
  all.push_back({"data_bf16", half});
  for (Golden& golden : all) golden.plan.bucket_bytes = 64;  // several buckets
  return all;
}

std::string read(const std::string& path) {
  std::ifstream in(path);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

/// The first line in which two texts differ, for people.
std::string first_difference(const std::string& expected, const std::string& got) {
  std::istringstream a(expected);
  std::istringstream b(got);
  std::string line_a, line_b;
  for (int number = 1;; ++number) {
    const bool more_a = static_cast<bool>(std::getline(a, line_a));
    const bool more_b = static_cast<bool>(std::getline(b, line_b));
    if (!more_a && !more_b) return "no difference";
    if (!more_a || !more_b || line_a != line_b)
      return cat("line ", number, "\n  file: ", more_a ? line_a : "(end)", "\n  now:  ", more_b ? line_b : "(end)");
  }
}

}  // namespace

TEST_CASE("the schedule of a tiny network for every plan, word for word") {
  const bool write = std::getenv("CONVOY_WRITE_GOLDEN") != nullptr;
  for (const Golden& golden : goldens()) {
    const Schedule schedule = make_schedule(tiny(), golden.plan);
    REQUIRE(validate(schedule).empty());
    const std::string text = to_text(schedule);
    const std::string path = std::string(CONVOY_SOURCE_DIR) + "/tests/plans/golden/" + golden.file + ".txt";
    if (write) std::ofstream(path) << text;
    const std::string expected = read(path);
    INFO(golden.file << ", " << first_difference(expected, text));
    REQUIRE(expected == text);
    REQUIRE(parse_schedule(expected) == schedule);
  }
  // A run that writes its own answers proves nothing, so it does not pass.
  REQUIRE_FALSE(write);
}
