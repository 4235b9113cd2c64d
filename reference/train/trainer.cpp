#include "reference/train/trainer.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>

#ifdef _OPENMP
#include <omp.h>
#endif

#include "reference/core/error.h"
#include "reference/core/random.h"
#include "reference/cpu/kernels.h"
#include "reference/train/weights.h"

namespace convoy {
namespace {

using Clock = std::chrono::steady_clock;

constexpr const char* kWeights = "weights";
constexpr const char* kStatistics = "running_statistics";

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

/// A training run: one memory for each rank of this process, on which the schedules of full, short and evaluation steps run in
/// turn.
class Trainer {
 public:
  Trainer(const Model& model, const Plan& plan, const TrainingData& data, const TrainSettings& settings,
          const Transport& transport)
      : model_(model),
        plan_(plan),
        data_(data),
        settings_(settings),
        transport_(transport),
        schedule_(schedule_of_batch(plan.global_batch, Mode::train)),
        memories_(transport.ranks.size()),
        training_(model, data.train, schedule_.world_size(), compute_settings(Mode::train)),
        evaluation_(model, data.test, schedule_.world_size(), compute_settings(Mode::evaluate)) {
    require(schedule_.world_size() == transport.world_size, "train", "the plan is for ", schedule_.world_size(),
            " ranks, and there are ", transport.world_size);
    set_initial_weights();
  }

  TrainResult run() {
    transport_.require_agreement("what to train", what_to_train());
    TrainResult result;
    for (int epoch = 0; epoch < settings_.epochs; ++epoch) {
      EpochResult row = train_epoch(epoch);
      if (std::isfinite(row.train_loss)) evaluate(row);
      result.diverged = divergence(row, epoch);
      if (!result.diverged.empty()) break;
      result.epochs.push_back(row);
    }
    if (transport_.has_root())
      result.times = step_times(schedule_, timeline_, static_cast<int>(std::min<std::int64_t>(5, full_steps() / 4)));
    result.values = values();
    result.timeline = std::move(timeline_);
    result.schedule = std::move(schedule_);
    return result;
  }

 private:
  /// "" while both losses are finite.
  [[nodiscard]] std::string divergence(const EpochResult& row, int epoch) const {
    const bool in_training = !std::isfinite(row.train_loss);
    if (!in_training && std::isfinite(row.test_loss)) return "";
    return cat("training diverged: the ", in_training ? "training" : "test", " loss of epoch ", epoch + 1, " is ",
               std::isnan(in_training ? row.train_loss : row.test_loss) ? "not a number" : "infinite",
               ", so training stopped there; lower --learning-rate (it was ", settings_.sgd.learning_rate, ")");
  }

  [[nodiscard]] Schedule schedule_of_batch(std::int64_t images, Mode mode) const {
    Plan plan = images == plan_.global_batch ? plan_ : with_batch(plan_, static_cast<int>(images));
    plan.dtype = dtype_of(settings_.kernels);
    return make_schedule(model_, plan, mode);
  }

  [[nodiscard]] ComputeSettings compute_settings(Mode mode) const {
    ComputeSettings compute{.kernels = settings_.kernels, .mode = mode, .seed = settings_.seed, .first_step = 0};
    compute.sgd = [this](std::int64_t step) { return sgd_at(step); };
    return compute;
  }

  [[nodiscard]] cpu::SgdSettings sgd_at(std::int64_t step) const {
    cpu::SgdSettings sgd = settings_.sgd;
    const std::int64_t steps = settings_.epochs * (full_steps() + (short_batch() > 0 ? 1 : 0));
    if (settings_.decay) sgd.learning_rate *= 1 - static_cast<double>(step) / static_cast<double>(steps);
    return sgd;
  }

  /// All that the weights depend on besides the schedule, as a text.
  [[nodiscard]] std::string what_to_train() const {
    const cpu::SgdSettings& sgd = settings_.sgd;
    return cat(model_.name, ' ', plan_.name, ' ', plan_.global_batch, ' ', settings_.epochs, ' ', settings_.steps_per_epoch, ' ',
               static_cast<int>(settings_.kernels), ' ', settings_.seed, ' ', sgd.learning_rate, ' ', sgd.momentum, ' ',
               sgd.weight_decay, ' ', settings_.decay, ' ', data_.train.name, ' ', data_.train.count(), ' ', data_.test.count(),
               ' ', data_.train.mean, ' ', data_.train.deviation);
  }

  void set_initial_weights() {
    const ModelValues initial = settings_.start ? *settings_.start : initial_values(model_, settings_.seed);
    for (std::size_t i = 0; i < memories_.size(); ++i) {
      const int rank = transport_.ranks[i];
      memories_[i].bind(schedule_.program(rank));
      write_values(memories_[i], kWeights, local_weights(model_, schedule_, rank, initial.weights));
      write_values(memories_[i], kStatistics, local_states(model_, schedule_, rank, initial.states));
    }
  }

  /// The values of the whole model, put together from all ranks; empty where rank 0 is not.
  [[nodiscard]] ModelValues values() const {
    ModelValues full;
    for (int rank = transport_.world_size - 1; rank >= 0; --rank) {  // the first rank's running statistics are what counts
      const auto mine = std::ranges::find(transport_.ranks, rank);
      const auto collect = [&](const char* buffer) {
        std::vector<double> local;
        if (mine != transport_.ranks.end())
          local = read_values(memories_[static_cast<std::size_t>(mine - transport_.ranks.begin())], buffer);
        return transport_.to_root(rank, std::move(local));
      };
      const std::vector<double> weights = collect(kWeights);
      const std::vector<double> states = collect(kStatistics);
      if (!transport_.has_root()) continue;
      place_weights(model_, schedule_, rank, weights, full.weights);
      place_states(model_, schedule_, rank, states, full.states);
    }
    return full;
  }

  /// Loss and correct answers of all ranks.
  [[nodiscard]] cpu::Loss totals_of(const CpuCompute& compute) const {
    const cpu::Loss mine = compute.totals();
    const std::vector<double> sums = transport_.sum({mine.loss_sum, static_cast<double>(mine.correct)});
    return {.loss_sum = sums.at(0), .correct = static_cast<int>(sums.at(1))};
  }

  [[nodiscard]] std::int64_t batch() const { return plan_.global_batch; }
  [[nodiscard]] std::int64_t limited(std::int64_t steps) const {
    return settings_.steps_per_epoch > 0 ? std::min(settings_.steps_per_epoch, steps) : steps;
  }
  /// Steps of an epoch with a whole batch, and images of the short step that follows (0: there is none).
  [[nodiscard]] std::int64_t full_steps() const { return limited(data_.train.count() / batch()); }
  [[nodiscard]] std::int64_t short_batch() const {
    const std::int64_t all = data_.train.count() / batch();
    return limited(all + 1) == all + 1 ? data_.train.count() % batch() : 0;
  }

  EpochResult train_epoch(int epoch) {
    const std::vector<std::int64_t> order = shuffled(data_.train.count(), settings_.seed, epoch);
    const std::int64_t first = step_;
    training_.settings().sample_at = [&order, first, size = batch()](std::int64_t step, std::int64_t position) {
      return order[static_cast<std::size_t>((step - first) * size + position)];
    };
    training_.reset_totals();
    EpochResult row{.images = full_steps() * batch() + short_batch()};
    const Clock::time_point start = Clock::now();
    timeline_ = run_steps(schedule_, full_steps(), epoch, start);
    if (short_batch() > 0) run_steps(schedule_of_batch(short_batch(), Mode::train), 1, epoch, start);
    row.time_s = seconds_since(start);
    const cpu::Loss totals = totals_of(training_);
    row.train_loss = totals.loss_sum / static_cast<double>(row.images);
    row.train_accuracy = totals.correct / static_cast<double>(row.images);
    training_.settings().sample_at = nullptr;
    return row;
  }

  Timeline run_steps(const Schedule& schedule, std::int64_t steps, int epoch, Clock::time_point start) {
    training_.settings().first_step = step_;
    RunOptions options = run_options(settings_.threads, settings_.bind);
    if (settings_.on_progress) {
      const std::int64_t before = schedule.global_batch == batch() ? 0 : full_steps();
      options.on_step_end = [&, before](int rank, int iteration) {
        if (rank == 0) report_progress(schedule, epoch, before + iteration + 1, start);
      };
    }
    Timeline timeline = transport_.run(schedule, static_cast<int>(steps), memories_, training_.function(), options);
    step_ += steps;
    return timeline;
  }

  void report_progress(const Schedule& schedule, int epoch, std::int64_t step, Clock::time_point start) {
    const bool is_short = schedule.global_batch != batch();
    Progress progress{.epoch = epoch, .step = step, .steps = full_steps() + (short_batch() > 0 ? 1 : 0)};
    progress.images = is_short ? full_steps() * batch() + schedule.global_batch : step * batch();
    progress.time_s = seconds_since(start);
    const std::int64_t full = std::min(step, full_steps());
    const std::int64_t mine = full * counted_samples(schedule_, 0).count + (is_short ? counted_samples(schedule, 0).count : 0);
    if (mine > 0) progress.loss = training_.totals(0).loss_sum / static_cast<double>(mine);
    settings_.on_progress(progress);
  }

  /// Runs the test split through the network, a global batch at a time.
  void evaluate(EpochResult& row) {
    evaluation_.reset_totals();
    const std::int64_t count = data_.test.count(), steps = count / batch(), rest = count % batch();
    RunOptions options = run_options(settings_.threads, settings_.bind);
    options.record = false;
    const auto run_from = [&](std::int64_t first_image, std::int64_t images, std::int64_t iterations) {
      if (iterations == 0) return;
      evaluation_.settings().sample_at = [=](std::int64_t step, std::int64_t position) {
        return first_image + step * images + position;
      };
      transport_.run(schedule_of_batch(images, Mode::evaluate), static_cast<int>(iterations), memories_, evaluation_.function(),
                     options);
    };
    run_from(0, batch(), steps);
    run_from(steps * batch(), rest, rest > 0 ? 1 : 0);
    const cpu::Loss totals = totals_of(evaluation_);
    row.test_loss = totals.loss_sum / static_cast<double>(count);
    row.test_accuracy = totals.correct / static_cast<double>(count);
  }

  const Model& model_;
  const Plan& plan_;
  const TrainingData& data_;
  const TrainSettings& settings_;
  const Transport& transport_;
  Schedule schedule_;
  std::vector<RankMemory> memories_;  ///< of the ranks of this process
  CpuCompute training_;
  CpuCompute evaluation_;
  Timeline timeline_;
  std::int64_t step_ = 0;
};

}  // namespace

std::vector<std::int64_t> shuffled(std::int64_t count, std::uint64_t seed, int epoch) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(count));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  constexpr int kPurpose = 3;  // another stream of numbers than weights and Dropout draw from
  Random random(random_bits(seed, kPurpose, epoch));
  for (std::size_t i = order.size(); i > 1; --i)  // Fisher and Yates
    std::swap(order[i - 1], order[static_cast<std::size_t>(random.below(static_cast<std::int64_t>(i)))]);
  return order;
}

RunOptions run_options(int threads, bool bind) {
  RunOptions options;
  options.bound_cores = bind ? threads : 0;
  options.time_out_s = 3600;  // a rank waits for others that compute, and a step of a large network takes minutes
  options.on_thread_start = [threads](int, int stream) {
#ifdef _OPENMP
    omp_set_num_threads(stream == kComputeStream ? threads : 1);
#else
    require(threads == 1 || stream != kComputeStream, "run_options", "built without OpenMP, so ranks have one thread, not ",
            threads);
#endif
    cpu::flush_denormals();
  };
  return options;
}

void require_trainable(const Plan& plan, const TrainingData& data) {
  if (plan.global_batch > data.train.count())
    throw InputError(cat("a batch of ", plan.global_batch, " images is larger than '", data.train.name, "', which has ",
                         data.train.count(), "; choose a smaller --batch or more data"));
}

TrainResult train(const Model& model, const Plan& plan, const TrainingData& data, const TrainSettings& settings,
                  const Transport& transport) {
  require(settings.epochs >= 1 && settings.threads >= 1, "train", settings.epochs, " epochs, ", settings.threads, " threads");
  require_trainable(plan, data);
  return Trainer(model, plan, data, settings, transport).run();
}

TrainResult train(const Model& model, const Plan& plan, const TrainingData& data, const TrainSettings& settings) {
  return train(model, plan, data, settings, threads_transport(plan.mesh.world_size()));
}

}  // namespace convoy
