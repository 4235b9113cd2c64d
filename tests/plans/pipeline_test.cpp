/// Pipelines: orders as tables and as text, cuts, memory, and what a schedule made of them takes by formula.
#include <algorithm>
#include <limits>

#include "reference/core/error.h"
#include "reference/model/builder.h"
#include "reference/model/zoo.h"
#include "reference/plans/pipeline_traffic.h"
#include "reference/schedule/ideal.h"
#include "reference/schedule/memory.h"
#include "reference/schedule/validate.h"
#include "tests/catch_text.h"
#include "tests/plans/pipelines.h"

using namespace convoy;
using namespace convoy::tests;

namespace {

std::string complaint(const std::string& text, const PipelineShape& shape) {
  try {
    const ParsedTable parsed = parse_table(text, "my.txt");
    const std::vector<PipelineFault> faults = check_table(parsed.table, shape);
    return faults.empty() ? "" : cat("rank ", faults.front().rank, ", entry ", faults.front().place, ": ", faults.front().sentence);
  } catch (const InputError& error) {
    return error.what();
  }
}

void says(const std::string& text, const PipelineShape& shape, std::initializer_list<const char*> parts) {
  const std::string message = complaint(text, shape);
  CAPTURE(text, message);
  for (const char* part : parts) {
    CAPTURE(part);
    REQUIRE(message.find(part) != std::string::npos);
  }
}

}  // namespace

TEST_CASE("every order is complete, waits for nobody for ever, and idles as its formula says") {
  int tables = 0;
  for (const PipelineShape& shape : shapes())
    for (const PipelineOrder& order : pipeline_orders()) {
      CAPTURE(order.name, shape.ranks, shape.stages_per_rank, shape.micro_batches);
      if (!takes(order, shape)) continue;
      const PipelineTable table = order.make(shape);
      REQUIRE(check_table(table, shape).empty());
      REQUIRE(run_in_units(table, shape).idle_fraction() == Approx(order.bubble(shape)).margin(1e-12));
      REQUIRE(parse_table(to_text(table, shape), "own").table == table);
      ++tables;
    }
  REQUIRE(tables > 60);
}

TEST_CASE("an order is read with its comments and names, and complaints say where") {
  const PipelineShape two{2, 1, 2};
  const ParsedTable parsed = parse_table("# mine\n\nrank 0: F0 F1 B0 B1  # first\n\tF0 B0 F1 B1\n", "my.txt");
  REQUIRE(parsed.table == one_f_one_b_order.make(two));
  REQUIRE(parsed.micro_batches == 2);
  REQUIRE(parsed.stages == 2);
  REQUIRE(parsed.where[1][2] == std::pair{4, 8});
  says("F0 F1 X0 B0\nF0 B0", two, {"my.txt:1:7", "'X0' is no entry", "as in F0 or B0"});
  says("F0 F B0\nF0 B0", two, {"my.txt:1:5", "number of a micro-batch behind F"});
  says("rank 1: F0\nrank 0: F0", two, {"my.txt:1:7", "this is the row of rank 0"});
  says("rank 0 F0\n", two, {"my.txt:1:7", "expected ':'"});
  says("\n# nothing\n", two, {"there is no entry in it"});
  says("F0 B0 F1 B1\n", two, {"the order has 1 row, and the pipeline 2 ranks"});
  says("F0 F0 B0 F1 B1\nF0 B0 F1 B1", two, {"rank 0, entry 1", "F0 is there already, as entry 1"});
  says("F0 F1 B0\nF0 B0 F1 B1", two, {"rank 0, entry 3", "B1 is missing"});
  says("F0 F1 F2 B0 B1 B2\nF0 B0 F1 B1", two, {"there is no micro-batch 2; they are 0 to 1"});
  says("F0 F1 1B0 B1\nF0 B0 F1 B1", two, {"stage 1 is at rank 1, not here"});
  says("F0 F1 7B0 B1\nF0 B0 F1 B1", two, {"there is no stage 7; they are 0 to 1"});
}

TEST_CASE("an order in which somebody waits for ever names who waits for what, and whoever contradicts itself first") {
  const PipelineShape two{2, 1, 2};
  says("F0 B1 F1 B0\nF0 F1 B0 B1", two, {"rank 0, entry 1", "B1 waits for F1 of stage 0, which comes later in the same row"});
  says("F0 B0 F1 B1\nF0 F1 B0 B1", two, {"rank 0, entry 1", "B0 waits for B0 of stage 1; rank 1 stands in front of F1"});
  const std::string grid = grid_text(parse_table("F0 B0 F1 B1\nF0 F1 B0 B1", "").table, two);
  REQUIRE(grid ==
          "time    rank 0  rank 1\n"
          "0       F0      .\n"
          "1       .       F0\n"
          "stuck   B0?     F1?\n"
          "<-- rank 0: B0 waits for B0 of stage 1; rank 1 stands in front of F1 and does that later\n"
          "<-- rank 1: F1 waits for F1 of stage 0; rank 0 stands in front of B0 and does that later\n");
  REQUIRE(grid_text(one_f_one_b_order.make(two), two) ==
          "time    rank 0  rank 1\n"
          "0       F0      .\n"
          "1       F1      F0\n"
          "2       .       B0\n"
          "3       .       |\n"
          "4       B0      F1\n"
          "5       |       B1\n"
          "6       .       |\n"
          "7       B1      .\n"
          "8       |       .\n");
}

TEST_CASE("orders refuse what they cannot do") {
  REQUIRE_THROWS_WITH(gpipe_order.make({2, 2, 4}), containing("--order interleaved"));
  REQUIRE_THROWS_WITH(one_f_one_b_order.make({2, 2, 4}), containing("--stages-per-rank 1"));
  REQUIRE_THROWS_WITH(interleaved_order.make({4, 2, 6}), containing("use --micro-batches 4 or 8"));
  REQUIRE_THROWS_WITH(pipeline_order("1f1"), containing("did you mean '1f1b'"));
}

namespace {

/// The least cost(firsts) over all ways to cut so many nodes into stages; firsts: the nodes with which stages begin.
template <class Cost>
double least_of_all_cuts(int nodes, int stages, const Cost& cost) {
  double best = std::numeric_limits<double>::infinity();
  std::vector<int> firsts(static_cast<std::size_t>(stages), 0);
  const auto try_all = [&](const auto& self, std::size_t s) -> void {
    if (s == firsts.size()) {
      best = std::min(best, cost(firsts));
      return;
    }
    for (int first = firsts[s - 1] + 1; first < nodes; ++first) {
      firsts[s] = first;
      self(self, s + 1);
    }
  };
  try_all(try_all, 1);
  return best;
}

}  // namespace

TEST_CASE("cuts by cost are as good as the best of all cuts") {
  const Model model = chain(9);
  const auto nodes = static_cast<int>(model.nodes.size());
  for (int trial = 0; trial < 20; ++trial) {
    const NodeCost cost = [&](int node) { return static_cast<double>((node * 7 + trial * 13) % 11 + 1); };
    for (int stages = 1; stages <= 4; ++stages) {
      const auto dearest = [&](const std::vector<int>& begins) {
        double most = 0;
        for (std::size_t s = 0; s < begins.size(); ++s) {
          double sum = 0;
          for (int i = begins[s]; i < (s + 1 < begins.size() ? begins[s + 1] : nodes); ++i) sum += cost(i);
          most = std::max(most, sum);
        }
        return most;
      };
      CAPTURE(trial, stages);
      REQUIRE(dearest(cut_by_cost(model, stages, cost)) == least_of_all_cuts(nodes, stages, dearest));
    }
  }
  REQUIRE_THROWS_WITH(cut_by_cost(model, nodes + 1, [](int) { return 1.0; }), containing("use fewer ranks"));
  Plan plan = piped("1f1b", {3, 1, 4});
  plan.pipeline.cuts = {"fc3", "fc2"};
  REQUIRE_THROWS_WITH(stages_of(model, plan), containing("leaves nothing for stage 1"));
  plan.pipeline.cuts = {"fc3"};
  REQUIRE_THROWS_WITH(stages_of(model, plan), containing("1 cut is named"));
  plan.pipeline.cuts = {"fc3", "fc44"};
  REQUIRE_THROWS_WITH(stages_of(model, plan), containing("did you mean 'fc4'"));
  const Plan written = with_cuts(plan, model, [](int) { return 1.0; });
  REQUIRE(written.pipeline.cuts.size() == 2);
}

TEST_CASE("by formula, equal stages and free messages idle as the order's formula says") {
  for (const PipelineShape& shape : shapes())
    for (const PipelineOrder& order : pipeline_orders()) {
      if (!takes(order, shape) || shape.micro_batches > 8 || shape.stages() > 8) continue;
      CAPTURE(order.name, shape.ranks, shape.stages_per_rank, shape.micro_batches);
      const Schedule schedule = equal_stages(order, shape);
      REQUIRE(validate(schedule).empty());
      const Timeline timeline = ideal(schedule, 1, unit_cost(), [](int, int) { return LinkModel{0, 1e300}; });
      REQUIRE(idle_fraction(schedule, timeline) == Approx(order.bubble(shape)).margin(1e-9));
    }
}

TEST_CASE("interleaved gets through under rendezvous, over cuts that skip stages and go round the ranks") {
  const Model model = make_model("resnet20");
  for (const int ranks : {2, 4})
    for (const int stages : {2, 4})
      for (const int micro_batches : {ranks, 2 * ranks, 4 * ranks}) {
        CAPTURE(ranks, stages, micro_batches);
        Plan plan = piped("interleaved", {ranks, stages, micro_batches}, 32);
        REQUIRE(validate(make_schedule(model, plan)).empty());
        plan.overlap = false;
        REQUIRE(validate(make_schedule(model, plan)).empty());
      }
}

TEST_CASE("1f1b holds activations of at most min(stages, micro-batches) micro-batches, gpipe those of all") {
  constexpr int ranks = 4;
  constexpr int images = 1024;  // so that activations are most of the memory
  constexpr std::int64_t x_bytes = images * 8 * 4;  // what a stage reads of a micro-batch, and its backward too
  const auto memory = [&](const char* order, int rank, int micro_batches) {
    return memory_of(equal_stages(pipeline_order(order), {ranks, 1, micro_batches}, images).program(rank));
  };
  const auto activations = [](const Memory& m) {
    return m.bytes_of_kind[static_cast<std::size_t>(BufferKind::activation)] +
           m.bytes_of_kind[static_cast<std::size_t>(BufferKind::input)];
  };
  for (int rank = 0; rank < ranks; ++rank) {
    const std::int64_t one = activations(memory("gpipe", rank, 1));
    for (const int m : {1, 2, 4, 8, 16}) {
      CAPTURE(rank, m);
      REQUIRE(activations(memory("gpipe", rank, m)) >= m * x_bytes);
      REQUIRE(activations(memory("1f1b", rank, m)) <= std::min(ranks, m) * one);
      // However many go through: the arena in which a rank runs does not grow either, so what was sent is known to have left.
      if (m > ranks) REQUIRE(memory("1f1b", rank, m).arena_bytes == memory("1f1b", rank, ranks + 1).arena_bytes);
    }
  }
}

TEST_CASE("a stage that recomputes holds what it reads, and computes forward twice") {
  const Model model = make_model("resnet20");
  Plan plan = piped("gpipe", {2, 1, 8}, 32);
  const auto forwards = [](const Program& program) {
    return std::count_if(program.ops.begin(), program.ops.end(), [](const Op& op) {
      const auto* compute = std::get_if<Compute>(&op.action);
      return compute != nullptr && compute->kind == ComputeKind::forward;
    });
  };
  const Schedule kept = make_schedule(model, plan);
  plan.pipeline.recompute = {0, 1};
  const Schedule again = make_schedule(model, plan);
  for (int rank = 0; rank < 2; ++rank) {
    CAPTURE(rank);
    REQUIRE(memory_of(again.program(rank)).arena_bytes < memory_of(kept.program(rank)).arena_bytes / 2);
    const auto losses = rank == 1 ? 8 : 0;  // which are counted once
    REQUIRE(forwards(again.program(rank)) == 2 * forwards(kept.program(rank)) - losses);
  }
}
