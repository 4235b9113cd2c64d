/// Data-parallel training equals the serial run, and the test that says so is itself tested: every mutant of the schedule fails
/// it.
#include "reference/model/builder.h"
#include "reference/model/zoo.h"
#include "tests/catch.h"
#include "tests/oracle/planned.h"

using namespace convoy;
using namespace convoy::tests;

namespace {

/// Dropout, a stride, padding, overlapping pooling windows and odd sizes, in little.
Model small_with_dropout() {
  ModelBuilder net("small", {1, 3, 11, 9}, 5);
  net.add("conv1", Conv2d{7, square_window(3, 2, 1)});
  net.add("relu1", ReLU{});
  net.add("pool1", MaxPool2d{square_window(3, 1, 1)});
  net.add("drop1", Dropout{0.25});
  net.add("conv2", Conv2d{6, square_window(2), false});
  net.add("relu2", ReLU{});
  net.add("flatten", Flatten{});
  net.add("fc1", Linear{13});
  net.add("relu3", ReLU{});
  net.add("drop2", Dropout{0.5});
  net.add("fc2", Linear{5, false});
  return net.finish();
}

struct Case {
  Model model;
  Dataset data;
  OracleSettings settings;
};

Case case_of(Model model, int batch, int steps) {
  const SyntheticSettings synthetic{
      .image = model.image, .classes = model.classes, .train_count = 50, .test_count = 1, .seed = 11, .noise = 0.3};
  Dataset data = make_synthetic(synthetic).train;
  return {std::move(model),
          std::move(data),
          {.batch = batch, .steps = steps, .sgd = {.learning_rate = 0.05, .momentum = 0.9, .weight_decay = 1e-3}, .seed = 5}};
}

Schedule schedule_of(const Case& c, int ranks, bool overlap, DType dtype, std::int64_t bucket_bytes = 4096) {
  Plan plan = make_plan("data", {.ranks = ranks, .global_batch = c.settings.batch});
  plan.dtype = dtype;
  plan.overlap = overlap;
  plan.bucket_bytes = bucket_bytes;
  return make_schedule(c.model, plan);
}

/// Whether the run ends with other weights than the oracle. It must get to its end: an exception is a failure of the test.
bool differs(const Case& c, const std::vector<double>& expected, const Schedule& schedule) {
  const PlannedRun run = run_planned(schedule, c.model, c.data, c.settings, {.check = false});
  return !(relative_difference(c.model, expected, run) <= 1e-9);
}

/// What the run of a schedule that never ends says when its time is up.
std::string time_out_of(const Case& c, const Schedule& schedule) {
  try {
    run_planned(schedule, c.model, c.data, c.settings, {.check = false, .time_out_s = 0.5});
  } catch (const std::exception& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("naive kernels in double on 1 to 4 ranks equal the serial run to 1e-9") {
  for (const Case& c : {case_of(make_lenet5(), 6, 3), case_of(small_with_dropout(), 7, 5), case_of(small_with_dropout(), 3, 4)}) {
    const std::vector<double> expected = Oracle(c.model, c.data, c.settings).train();
    const std::vector<double> start = initial_weights(c.model, c.settings.seed);
    REQUIRE(relative_difference(c.model, start, PlannedRun{.values = {expected, {}}}) > 1e-3);  // it has learned something
    for (const int ranks : {1, 2, 3, 4})  // 4 ranks on 3 images: one has none
      for (const bool overlap : {true, false}) {
        CAPTURE(c.model.name, c.settings.batch, ranks, overlap);
        const PlannedRun run = run_planned(schedule_of(c, ranks, overlap, DType::f64), c.model, c.data, c.settings);
        REQUIRE(relative_difference(c.model, expected, run) <= 1e-9);
        REQUIRE(run.breaches.empty());
      }
  }
}

TEST_CASE("fast kernels in float stay within rounding of the serial run") {
  // 5 steps of float: a few hundred roundings of 6e-8 each on sums of up to 3,000 terms, relative to the largest weight.
  const double bound = 2e-4;
  for (const Case& c : {case_of(make_lenet5(), 6, 5), case_of(small_with_dropout(), 7, 5)}) {
    const std::vector<double> expected = Oracle(c.model, c.data, c.settings).train();
    for (const int ranks : {1, 2, 3, 4}) {
      const PlannedRun run =
          run_planned(schedule_of(c, ranks, true, DType::f32), c.model, c.data, c.settings, {.kernels = Kernels::fast});
      CAPTURE(c.model.name, ranks);
      REQUIRE(relative_difference(c.model, expected, run) <= bound);
    }
  }
}

TEST_CASE("all ranks end with the same bits") {
  const Case c = case_of(make_lenet5(), 8, 3);
  const PlannedRun run =
      run_planned(schedule_of(c, 4, true, DType::f32), c.model, c.data, c.settings, {.kernels = Kernels::fast});
  REQUIRE(run.replicas_agree);
}

TEST_CASE("every mutant of the communication fails the comparison with the oracle") {
  const Case c = case_of(small_with_dropout(), 7, 2);
  const std::vector<double> expected = Oracle(c.model, c.data, c.settings).train();
  int mutants = 0;
  for (const int ranks : {2, 3})
    for (const bool overlap : {true, false}) {
      const Schedule good = schedule_of(c, ranks, overlap, DType::f64, 512);
      REQUIRE_FALSE(differs(c, expected, good));
      REQUIRE(good.programs.size() == 2);  // 7 images: classes of different size
      const Program& first = good.programs.front();
      for (std::size_t op = 0; op < first.ops.size(); ++op) {
        if (!std::holds_alternative<Collective>(first.ops[op].action)) continue;
        CAPTURE(ranks, overlap, first.ops[op].name);
        // The same change in all classes, so that ranks still agree and only the numbers can tell.
        const auto mutated = [&](const auto& change) {
          Schedule mutant = good;
          for (Program& program : mutant.programs) change(program, program.ops[op]);
          ++mutants;
          return mutant;
        };
        const auto insert_after = [](Program& program, std::size_t at, Op extra) {
          const int before = static_cast<int>(at);
          extra.after = {before};
          extra.stream = program.ops[at].stream;
          for (std::size_t i = at + 1; i < program.ops.size(); ++i)
            for (int& id : program.ops[i].after) id = id >= before ? id + 1 : id;
          program.ops.insert(program.ops.begin() + before + 1, std::move(extra));
        };
        REQUIRE(differs(c, expected, mutated([](Program&, Op& o) {
                          o.name = kMutantNothing;
                          o.action = Compute{};
                        })));
        REQUIRE(differs(c, expected, mutated([](Program&, Op& o) {
                          auto& collective = std::get<Collective>(o.action);
                          collective.region.slice.count /= 2;  // one element alone may have a gradient of zero: ReLU and Dropout
                        })));
        REQUIRE(differs(c, expected,
                        mutated([](Program&, Op& o) { std::get<Collective>(o.action).kind = CollectiveKind::reduce_scatter; })));
        REQUIRE(differs(
            c, expected, mutated([&](Program& program, Op& o) {
              const Region region = std::get<Collective>(o.action).region;
              Op scale{kMutantScale, 0, {}, Compute{ComputeKind::zero, -1, {{Role::gradients, Access::update, region}}, {}}};
              insert_after(program, op, std::move(scale));
            })));
        REQUIRE(differs(c, expected, mutated([&](Program& program, Op& o) {
                          Op again = o;  // reduced twice
                          std::get<Collective>(again.action).id += 1000;
                          insert_after(program, op, std::move(again));
                        })));
      }
      // Deleted on one class of ranks only: the others wait for ever.
      Schedule lonely = good;
      for (Op& o : lonely.programs.back().ops)
        if (std::holds_alternative<Collective>(o.action)) {
          o.name = kMutantNothing;
          o.action = Compute{};
          break;
        }
      REQUIRE(time_out_of(c, lonely).find("waited 0.5 s for rank") != std::string::npos);
      ++mutants;
    }
  REQUIRE(mutants > 40);
}

TEST_CASE("a short batch weighs every image the same") {
  // 5 images on 2 ranks are 3 and 2: if every rank took the mean of its own, the images of the second would weigh more.
  Case c = case_of(small_with_dropout(), 5, 1);
  c.settings.sgd = {.learning_rate = 1, .momentum = 0, .weight_decay = 0};
  const std::vector<double> expected = Oracle(c.model, c.data, c.settings).train();
  REQUIRE_FALSE(differs(c, expected, schedule_of(c, 2, true, DType::f64)));
}
