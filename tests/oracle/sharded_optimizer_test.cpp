/// ZeRO stages 1 to 3: equal to the serial run, in less memory by as much as they promise, and going on from what another plan left.
#include "reference/exec/memory.h"
#include "reference/schedule/memory.h"
#include "reference/schedule/validate.h"
#include "reference/train/trainer.h"
#include "tests/catch.h"
#include "tests/oracle/compare.h"
#include "tests/oracle/models.h"
#include "tests/oracle/mutants.h"

using namespace convoy;
using namespace convoy::tests;

namespace {

Plan sharded(int stage, int ranks, int batch, DType dtype = DType::f64) {
  Plan plan = make_plan("sharded_optimizer", {.ranks = ranks, .global_batch = batch, .zero = stage});
  plan.dtype = dtype;
  plan.bucket_bytes = 1500;
  return plan;
}

std::int64_t bytes_of(const Schedule& schedule, int rank, BufferKind kind) {
  return memory_of(schedule.program(rank)).bytes_of_kind.at(static_cast<std::size_t>(kind));
}

}  // namespace

TEST_CASE("every stage of ZeRO equals the serial run") {
  for (const Model& model : {small_lenet(), short_resnet(), branches(), two_heads()})
    for (const int ranks : {1, 2, 3, 4})
      for (const int stage : {1, 2, 3})
        for (const bool overlap : {true, false}) {
          const bool synchronised = !overlap && !states(model).empty();
          Plan plan = sharded(stage, ranks, 7);
          plan.overlap = overlap;
          plan.synchronised_statistics = synchronised;
          plan.bucket_bytes = overlap ? 1500 : 9000;
          if (stage < 3 && ranks == 2 && states(model).empty()) plan.accumulate = 2;
          const Training training = training_of(model, 7, 4);
          const Schedule schedule = make_schedule(model, plan);
          CAPTURE(model.name, ranks, stage, overlap);
          for (const Problem& problem : validate(schedule)) FAIL(to_string(schedule, problem));
          const Expected expected = expected_of(training, plan, schedule);
          const PlannedRun run = run_planned(schedule, model, training.data, training.settings);
          REQUIRE(relative_difference(model, expected.values.weights, run) <= 1e-9);
          REQUIRE(relative_difference(states(model), expected.values.states, run.values.states) <= 1e-9);
          REQUIRE(run.replica_difference <= 1e-12);
          REQUIRE(run.breaches == std::vector<std::string>{});
          REQUIRE(run.miscounted == "");
        }
}

TEST_CASE("ZeRO ends with the bits of plan data where sums are made in the same order") {
  // With two ranks, a + b is b + a.
  const Training training = training_of(small_lenet(), 6, 4);
  Plan data = make_plan("data", {.ranks = 2, .global_batch = 6});
  const PlannedRun expected =
      run_planned(make_schedule(training.model, data), training.model, training.data, training.settings, {.kernels = Kernels::fast});
  for (const int stage : {1, 2, 3}) {
    const Schedule schedule = make_schedule(training.model, sharded(stage, 2, 6, DType::f32));
    const PlannedRun got = run_planned(schedule, training.model, training.data, training.settings, {.kernels = Kernels::fast});
    CAPTURE(stage);
    REQUIRE(got.values.weights == expected.values.weights);
    REQUIRE(got.replicas_agree);
  }
}

TEST_CASE("what a rank of each stage keeps is what the stage promises, and what the real run allocates") {
  const Model model = make_model("resnet20");
  const std::int64_t weights = 4 * parameter_count(model);
  const int ranks = 4;
  std::int64_t before = 0;
  for (const int stage : {0, 1, 2, 3}) {
    Plan plan = make_plan("data", {.ranks = ranks, .global_batch = 8});
    plan.zero = stage;
    plan.bucket_bytes = 64 * 1024;
    const Schedule schedule = make_schedule(model, plan);
    std::int64_t momentum = 0, kept = 0;
    for (int rank = 0; rank < ranks; ++rank) {
      momentum += bytes_of(schedule, rank, BufferKind::optimizer);
      for (const Buffer& buffer : schedule.program(rank).buffers)
        if (buffer.name == "weights") kept += element_count(buffer) * 4;
    }
    const std::int64_t gradients = bytes_of(schedule, 0, BufferKind::gradients);
    CAPTURE(stage);
    REQUIRE(momentum == (stage == 0 ? ranks * weights : weights));
    REQUIRE(kept == (stage == 3 ? weights : ranks * weights));
    if (stage < 2) {
      REQUIRE(gradients == weights);
    } else {
      // Two buckets; one ends with a whole node, and the largest of resnet20 has 64 x 64 x 3 x 3 weights.
      REQUIRE(gradients <= 2 * (plan.bucket_bytes + 4 * 64 * 64 * 9));
    }
    const MemoryPlan planned = plan_memory(schedule.program(0));
    RankMemory memory;
    memory.bind(schedule.program(0));
    std::int64_t counted = memory.allocated_bytes();
    for (const Buffer& buffer : schedule.program(0).buffers)  // the account rounds each up to 64 bytes
      if (is_persistent(buffer.kind)) counted += (64 - element_count(buffer) * size_bytes(buffer.dtype) % 64) % 64;
    REQUIRE(counted == planned.total_bytes);
    if (stage > 0) REQUIRE(planned.total_bytes < before);
    before = planned.total_bytes;
  }
}

TEST_CASE("every mutant of the communication of ZeRO fails the comparison with the serial run", "[mutants]") {
  const Training training = training_of(small_lenet(), 6, 2);
  const std::vector<double> expected = serial_run(training).values.weights;
  int all = 0;
  for (const int stage : {1, 2, 3}) {
    Plan plan = sharded(stage, 3, 6);
    plan.bucket_bytes = 6000;
    const Schedule good = make_schedule(training.model, plan);
    for (const Mutant& mutant : mutants_of(good, {Change::deletion, Change::halving, Change::doubling})) {
      const Outcome outcome = outcome_of(mutant.schedule, [&](double time_out_s) {
        const PlannedRun got = run_planned(mutant.schedule, training.model, training.data, training.settings,
                                           {.check = false, .time_out_s = time_out_s});
        return relative_difference(training.model, expected, got) <= 1e-9 && got.replica_difference <= 1e-12;
      });
      CAPTURE(stage, mutant.label, outcome);
      REQUIRE(is_found(outcome));
      ++all;
    }
  }
  REQUIRE(all >= 30);
}

TEST_CASE("validate finds an update of gradients that were not summed, and a wrong part of them") {
  Schedule schedule = make_schedule(small_lenet(), sharded(1, 2, 4));
  for (Program& program : schedule.programs)
    for (Op& op : program.ops)
      if (op.name == "bucket0.update")
        for (Operand& operand : std::get<Compute>(op.action).operands)
          if (operand.role == Role::gradients) operand.region.slice.offset += 1;
  bool found = false;
  for (const Problem& problem : validate(schedule)) found = found || problem.rule == "unreduced gradient";
  REQUIRE(found);
}

TEST_CASE("a run goes on from a checkpoint of another stage and other ranks") {
  const Model model = small_lenet();
  const TrainingData data = [&] {
    TrainingData made = make_synthetic({.image = model.image, .classes = model.classes, .train_count = 32, .test_count = 8, .seed = 11});
    return made;
  }();
  const auto settings = [&](int epochs) {
    TrainSettings all{.epochs = epochs, .bind = false, .kernels = Kernels::naive_f64};
    all.rate.decay = RateDecay::constant;
    return all;
  };
  const auto plan_for = [](int stage, int ranks) {
    Plan plan = make_plan("data", {.ranks = ranks, .global_batch = 8});
    plan.zero = stage;
    plan.bucket_bytes = 2000;
    return plan;
  };
  const TrainResult whole = train(model, plan_for(0, 1), data, settings(2));
  for (const int stage : {1, 2, 3}) {
    std::optional<Checkpoint> half;
    TrainSettings first = settings(1);
    first.on_checkpoint = [&](const Checkpoint& checkpoint) { half = checkpoint; };
    (void)train(model, plan_for(stage, 3), data, first);
    TrainSettings second = settings(2);
    second.resume = half;
    const TrainResult rest = train(model, plan_for(stage % 3 + 1, 2), data, second);
    CAPTURE(stage);
    REQUIRE(relative_difference(parameters(model), whole.values.weights, rest.values.weights) <= 1e-9);
  }
}

TEST_CASE("what ZeRO does not go with is refused, with what to type instead") {
  Plan plan = sharded(2, 2, 4);
  plan.optimiser = Optimiser::lars;
  REQUIRE_THROWS_AS(make_schedule(small_lenet(), plan), InputError);
  plan = sharded(2, 2, 4);
  plan.gradient_dtype = DType::bf16;
  REQUIRE_THROWS_AS(make_schedule(small_lenet(), plan), InputError);
  plan = sharded(3, 2, 4);
  plan.accumulate = 2;
  REQUIRE_THROWS_AS(make_schedule(small_lenet(), plan), InputError);
  plan = make_plan("filter", {.ranks = 2, .global_batch = 4});
  plan.zero = 1;
  REQUIRE_THROWS_AS(make_schedule(small_lenet(), plan), InputError);
  REQUIRE_THROWS_AS(make_plan("sharded_optimizer", {.ranks = 2, .global_batch = 4, .zero = 4}), InputError);
}
