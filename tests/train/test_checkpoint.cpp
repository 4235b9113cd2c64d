/// Checkpoints: a run that goes on from one comes to the same bits as one that never stopped, and what is no whole checkpoint of
/// the same run is refused.
#include "reference/core/error.h"
#include "reference/io/file.h"
#include "reference/io/weights_file.h"
#include "reference/model/zoo.h"
#include "reference/train/trainer.h"
#include "tests/catch_text.h"
#include "tests/data/temporary_folder.h"
#include "tests/train/tiny.h"
#include "tests/train/worlds.h"

using namespace convoy;

namespace {

/// A network with running statistics and Dropout.
Model normed() {
  ModelBuilder net("normed", {1, 2, 6, 6}, 3);
  net.add("conv", Conv2d{4, square_window(3, 1, 1), false});
  net.add("norm", BatchNorm2d{});
  net.add("relu", ReLU{});
  net.add("flatten", Flatten{});
  net.add("drop", Dropout{0.3});
  net.add("fc", Linear{3});
  return net.finish();
}

struct Recorded {
  TrainResult result;
  std::vector<Checkpoint> checkpoints;
};

/// A run that is not interrupted, with all its checkpoints.
Recorded recorded(const Model& model, const Plan& plan, const TrainingData& data, TrainSettings settings, std::int64_t every) {
  Recorded run;
  settings.checkpoint_every = every;
  settings.on_checkpoint = [&](const Checkpoint& checkpoint) { run.checkpoints.push_back(checkpoint); };
  run.result = train(model, plan, data, settings);
  return run;
}

void require_same_run_from(const Recorded& whole, const TrainResult& resumed) {
  REQUIRE(resumed.values == whole.result.values);
  REQUIRE(resumed.epochs.size() == whole.result.epochs.size());
  for (std::size_t e = 0; e < resumed.epochs.size(); ++e) {
    EpochResult one = resumed.epochs[e], other = whole.result.epochs[e];
    one.time_s = other.time_s = one.wait_s = other.wait_s = 0;
    REQUIRE(one == other);
  }
}

/// Plans that worlds() does not have: divided optimisers, pipelines, servers that wait, and gradients that are made smaller.
std::vector<Plan> other_plans(int batch) {
  std::vector<Plan> plans;
  for (const int zero : {1, 2, 3}) plans.push_back(make_plan("sharded_optimizer", {.ranks = 3, .global_batch = batch, .zero = zero}));
  for (const char* order : {"gpipe", "1f1b", "interleaved"}) {
    plans.push_back(make_plan("pipeline", {.ranks = 2, .global_batch = batch}));
    plans.back().pipeline = {.micro_batches = 2, .order = order, .stages_per_rank = order == std::string("interleaved") ? 2 : 1};
  }
  plans.back().pipeline.recompute = {0, 1};
  plans.push_back(make_plan("hybrid", {.ranks = 4, .global_batch = batch, .split = 2, .inside = "pipeline"}));
  plans.push_back(make_plan("parameter_server", {.ranks = 2, .global_batch = batch, .servers = {.count = 2}}));
  plans.push_back(make_plan("parameter_server", {.ranks = 3, .global_batch = batch, .servers = {.count = 1, .own_ranks = true}}));
  plans.back().compression = {.method = "top_k", .keep = 0.1};
  const Plan data = make_plan("data", {.ranks = 3, .global_batch = batch});
  for (const char* method : {"top_k", "int8"}) {
    plans.push_back(data);
    plans.back().compression = {.method = method, .keep = 0.1};
  }
  plans.push_back(data);
  plans.back().gradient_dtype = DType::bf16;
  plans.push_back(data);
  plans.back().accumulate = 2;
  plans.push_back(data);
  plans.back().optimiser = Optimiser::lars;
  for (Plan& plan : plans) plan.bucket_bytes = 300;
  return plans;
}

/// Through a file and back.
Checkpoint through_file(const Model& model, const Checkpoint& checkpoint, DType dtype) {
  const TemporaryFolder folder;
  write_checkpoint(folder.file("c"), model, checkpoint, {}, dtype);
  return read_checkpoint(folder.file("c"), model);
}

std::string refusal(const std::string& bytes, const Model& model) {
  try {
    (void)parse_checkpoint(bytes_of(bytes), "file", model);
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("every plan goes on from every checkpoint as if it had never stopped") {
  const Model model = tiny_model();
  const TrainingData data = tiny_data(model, 23, 11);  // batches of 8: two full steps and one of 7
  TrainSettings settings = exact(3);
  settings.rate.decay = RateDecay::cosine;
  settings.sgd.nesterov = true;
  std::vector<Plan> plans = other_plans(8);
  for (const World& world : worlds(8)) plans.push_back(plan_of(world));
  for (const Plan& plan : plans) {
    CAPTURE(plan.name, plan.mesh.world_size(), plan.strategies, plan.zero, plan.pipeline.order, plan.compression.method);
    const Recorded whole = recorded(model, plan, data, settings, 2);
    REQUIRE(whole.checkpoints.size() == 6);  // after steps 2, 3, 4, 6 (end of epoch only), 8 and 9
    TrainSettings again = settings;
    for (const Checkpoint& checkpoint : whole.checkpoints) {
      CAPTURE(checkpoint.epoch, checkpoint.step);
      again.resume = through_file(model, checkpoint, DType::f64);
      require_same_run_from(whole, train(model, plan, data, again));
    }
  }
}

TEST_CASE("local SGD goes on between rounds as if it had never stopped, on the ranks that it had") {
  const Model model = normed();
  const TrainingData data = tiny_data(model, 47, 11);  // rounds of 3 steps of 5: three of them, and one of 2 images
  for (const LocalMomentum momentum : {LocalMomentum::average, LocalMomentum::restart, LocalMomentum::keep}) {
    const Plan plan = make_plan("local_sgd", {.ranks = 3, .global_batch = 5, .local = {.steps = 3, .momentum = momentum}});
    TrainSettings settings = exact(2);
    settings.rate.decay = RateDecay::cosine;
    const Recorded whole = recorded(model, plan, data, settings, 4);  // that is every second round
    REQUIRE(whole.checkpoints.size() == 4);                           // after rounds 2, 4 (end of epoch only), 6 and 8
    for (const Checkpoint& checkpoint : whole.checkpoints) {
      settings.resume = through_file(model, checkpoint, DType::f64);
      require_same_run_from(whole, train(model, plan, data, settings));
    }
    settings.resume = whole.checkpoints.front();
    Plan other = plan;
    other.local.steps = 2;
    REQUIRE_THROWS_WITH(train(model, other, data, settings), containing("--local-steps"));
  }
}

TEST_CASE("ranks that keep momentum of their own go on with it, and with the mean on another number of ranks") {
  const Model model = tiny_model();
  const TrainingData data = tiny_data(model, 47, 11);
  const auto plan_on = [](int ranks) {
    return make_plan("local_sgd", {.ranks = ranks, .global_batch = 7, .local = {.steps = 2, .momentum = LocalMomentum::keep}});
  };
  TrainSettings settings = exact(2);
  Checkpoint checkpoint = recorded(model, plan_on(3), data, settings, 4).checkpoints.front();
  std::vector<std::vector<double>>& momenta = checkpoint.own_momenta;
  REQUIRE(momenta.size() == 3);
  REQUIRE_FALSE(momenta[0] == momenta[1]);
  for (std::size_t i = 0; i < momenta[0].size(); ++i)  // rounds of 14 images: 4, 5 and 5
    REQUIRE(checkpoint.momentum[i] == Approx((4 * momenta[0][i] + 5 * momenta[1][i] + 5 * momenta[2][i]) / 14).margin(1e-15));
  settings.resume = checkpoint;
  const TrainResult on_three = train(model, plan_on(3), data, settings), on_two = train(model, plan_on(2), data, settings);
  std::swap(momenta[0], momenta[2]);
  settings.resume = checkpoint;
  REQUIRE_FALSE(train(model, plan_on(3), data, settings).values == on_three.values);
  momenta.assign(2, checkpoint.momentum);
  settings.resume = checkpoint;
  REQUIRE(train(model, plan_on(2), data, settings).values == on_two.values);
}

TEST_CASE("in rounds of one step the mean of momenta is the momentum of plan data, also where ranks have unlike numbers of images") {
  const Model model = tiny_model();
  const TrainingData data = tiny_data(model, 47, 11);
  const auto momentum_of = [&](const Plan& plan) { return recorded(model, plan, data, exact(1), 4).checkpoints.front().momentum; };
  const std::vector<double> of_data = momentum_of(make_plan("data", {.ranks = 3, .global_batch = 7}));
  REQUIRE(largest(of_data) > 0);
  for (const LocalMomentum momentum : {LocalMomentum::average, LocalMomentum::keep}) {
    const Plan plan = make_plan("local_sgd", {.ranks = 3, .global_batch = 7, .local = {.steps = 1, .momentum = momentum}});
    REQUIRE(largest_difference(of_data, momentum_of(plan)) <= 1e-12 * largest(of_data));
  }
}

TEST_CASE("fast kernels in float, statistics of each rank, several threads: the same bits after a stop") {
  const Model model = normed();
  const TrainingData data = tiny_data(model, 50, 20);
  const Plan plan = make_plan("data", {.ranks = 2, .global_batch = 8});
  for (const int threads : {1, 2}) {
    TrainSettings settings{.epochs = 2, .threads = threads, .seed = 4};
    const Recorded whole = recorded(model, plan, data, settings, 5);
    REQUIRE(whole.checkpoints.size() == 4);  // after steps 5, 7, 10 and 14
    for (const Checkpoint& checkpoint : whole.checkpoints) {
      settings.resume = through_file(model, checkpoint, DType::f32);
      require_same_run_from(whole, train(model, plan, data, settings));
    }
  }
}

TEST_CASE("a checkpoint of one plan goes on under another") {
  const Model model = tiny_model();
  const TrainingData data = tiny_data(model, 23, 11);
  const Recorded serial = recorded(model, make_plan("data", {.ranks = 1, .global_batch = 8}), data, exact(2), 2);
  TrainSettings settings = exact(2);
  for (const World& world : worlds(8)) {
    CAPTURE(world.plan, world.request.ranks);
    settings.resume = recorded(model, plan_of(world), data, exact(2), 4).checkpoints.at(1);  // after step 4
    REQUIRE(settings.resume->step == 4);
    settings.resume->totals.resize(1);
    const TrainResult result = train(model, make_plan("data", {.ranks = 1, .global_batch = 8}), data, settings);
    REQUIRE(largest_difference(serial.result.values.weights, result.values.weights) <=
            1e-9 * largest(serial.result.values.weights));
    settings.resume = serial.checkpoints.at(2);
    const TrainResult back = train(model, plan_of(world), data, settings);
    REQUIRE(largest_difference(serial.result.values.weights, back.values.weights) <=
            1e-9 * largest(serial.result.values.weights));
    REQUIRE(std::abs(back.epochs[1].train_loss - serial.result.epochs[1].train_loss) <= 1e-9);
  }
}

TEST_CASE("what top_k has left behind goes on with the run, also on another number of ranks") {
  const Model model = tiny_model();
  const TrainingData data = tiny_data(model, 23, 11);
  const auto plan_on = [](int ranks) {
    Plan plan = make_plan("data", {.ranks = ranks, .global_batch = 8});
    plan.compression = {.method = "top_k", .keep = 0.05};
    return plan;
  };
  TrainSettings settings = exact(2);
  Checkpoint checkpoint = recorded(model, plan_on(3), data, settings, 2).checkpoints.front();
  std::vector<std::vector<double>>& errors = checkpoint.compression_errors;
  REQUIRE(errors.size() == 3);
  for (const std::vector<double>& error : errors) REQUIRE(largest(error) > 0);

  settings.resume = checkpoint;
  const TrainResult on_two = train(model, plan_on(2), data, settings);
  for (std::size_t i = 0; i < errors[0].size(); ++i) errors[0][i] = errors[0][i] + errors[1][i] + errors[2][i];
  errors.resize(2);
  errors[1].assign(errors[0].size(), 0.0);
  settings.resume = checkpoint;  // of two ranks, the first of which has all of it
  REQUIRE(train(model, plan_on(2), data, settings).values == on_two.values);
  errors[0] = errors[1];
  settings.resume = checkpoint;
  REQUIRE_FALSE(train(model, plan_on(2), data, settings).values == on_two.values);
  errors.clear();
  settings.resume = checkpoint;
  REQUIRE_THROWS_AS(train(model, plan_on(2), data, settings), InputError);
  settings.resume = recorded(model, plan_on(1), data, exact(2), 2).checkpoints.front();
  REQUIRE(settings.resume->compression_errors.empty());  // a rank on its own sends everything
  REQUIRE_NOTHROW(train(model, plan_on(1), data, settings));
}

TEST_CASE("a run that is over has nothing left to train, and a longer one goes on where the rate allows it") {
  const Model model = tiny_model();
  const TrainingData data = tiny_data(model, 23, 11);
  const Plan plan = make_plan("data", {.ranks = 2, .global_batch = 8});
  const Recorded two = recorded(model, plan, data, exact(2), 0);
  REQUIRE(two.checkpoints.size() == 2);
  TrainSettings settings = exact(2);
  settings.resume = two.checkpoints.back();
  const TrainResult over = train(model, plan, data, settings);
  REQUIRE(over.values == two.result.values);
  REQUIRE(over.times.iterations == 0);
  settings.epochs = 3;
  require_same_run_from(recorded(model, plan, data, exact(3), 0), train(model, plan, data, settings));
  settings.epochs = 1;
  REQUIRE_THROWS_AS(train(model, plan, data, settings), InputError);
}

TEST_CASE("a checkpoint of another run is refused, with the option that differs") {
  const Model model = tiny_model();
  const TrainingData data = tiny_data(model, 23, 11);
  const Plan plan = make_plan("data", {.ranks = 2, .global_batch = 8});
  TrainSettings settings = exact(2);
  settings.resume = recorded(model, plan, data, exact(2), 0).checkpoints.front();
  const auto message_of = [&](const Plan& with, const TrainSettings& changed) -> std::string {
    try {
      train(model, with, data, changed);
    } catch (const InputError& error) {
      return error.what();
    }
    return "trained";
  };
  REQUIRE(message_of(plan, settings) == "trained");
  TrainSettings other = settings;
  other.seed = 14;
  REQUIRE(message_of(plan, other).find("--seed 13, and this run has --seed 14") != std::string::npos);
  other = settings;
  other.sgd.momentum = 0.7;
  REQUIRE(message_of(plan, other).find("type --momentum 0.8") != std::string::npos);
  other = settings;
  other.rate.decay = RateDecay::cosine;
  REQUIRE(message_of(plan, other).find("--epochs") != std::string::npos);
  REQUIRE(message_of(make_plan("data", {.ranks = 2, .global_batch = 6}), settings).find("--batch 8") != std::string::npos);
}

TEST_CASE("a checkpoint that is cut short or has any byte changed is refused") {
  const Model model = tiny_model();
  const TrainingData data = tiny_data(model, 23, 11);
  const Recorded run = recorded(model, make_plan("data", {.ranks = 1, .global_batch = 8}), data, exact(1), 0);
  const TemporaryFolder folder;
  write_checkpoint(folder.file("c"), model, run.checkpoints.front(),
                   {.class_names = {"a", "b", "c", "d"}, .mean = {0.5, 0.25, 0.125}, .deviation = {0.5, 0.75, 0.1}}, DType::f32);
  const std::string bytes = read_file(folder.file("c"));
  REQUIRE(refusal(bytes, model).empty());
  REQUIRE(refusal(bytes, normed()).find("was it written for another model?") != std::string::npos);
  for (std::size_t length = 0; length < bytes.size(); length += 61)
    REQUIRE_FALSE(refusal(bytes.substr(0, length), model).empty());
  REQUIRE_FALSE(refusal(bytes + '\0', model).empty());
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    std::string changed = bytes;
    changed[i] = static_cast<char>(changed[i] ^ (1 << (i % 8)));
    if (refusal(changed, model).empty()) FAIL("byte " << i << " of " << bytes.size() << " was changed, and nobody noticed");
  }
  write_weights_file(folder.file("w"), model, run.result.values);
  REQUIRE(refusal(read_file(folder.file("w")), model).find("is no checkpoint") != std::string::npos);
  REQUIRE(read_weights_file(folder.file("c"), model).weights.size() == run.result.values.weights.size());  // as --load does
  const InputFacts facts = input_facts(read_weights_and_more(folder.file("c"), model).metadata);
  REQUIRE(facts.class_names == std::vector<std::string>{"a", "b", "c", "d"});
  REQUIRE(facts.mean == std::vector<double>{0.5, 0.25, 0.125});
  REQUIRE(facts.deviation == std::vector<double>{0.5, 0.75, 0.1});
  const InputFacts of_before = input_facts({{"pixel_mean", "0.3"}, {"pixel_deviation", "0.2"}});  // one number for all channels
  REQUIRE(of_before.mean == std::vector<double>{0.3});
  REQUIRE(of_before.deviation == std::vector<double>{0.2});
  REQUIRE(input_facts({{"pixel_deviation", "[0.2, 0]"}}).deviation == std::vector<double>{1});  // nothing can be divided by
}
