#include "reference/train/trainer.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>
#include <numeric>

#ifdef _OPENMP
#include <omp.h>
#endif

#include "reference/core/error.h"
#include "reference/core/random.h"
#include "reference/cpu/kernels.h"
#include "reference/plans/served_schedule.h"
#include "reference/train/slowed.h"
#include "reference/train/weights.h"

namespace convoy {
namespace {

constexpr const char* kWeights = "weights";
constexpr const char* kStatistics = "running_statistics";
constexpr const char* kMomentum = "momentum";
constexpr const char* kCompressionError = "compression_error";

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
        schedule_(schedule_of_batch(images_of_iteration(plan), Mode::train)),
        memories_(transport.ranks.size()),
        training_(model, data.train, schedule_.world_size(), compute_settings(Mode::train)),
        evaluation_(model, data.test, schedule_.world_size(), compute_settings(Mode::evaluate)) {
    require(schedule_.world_size() == transport.world_size, "train", "the plan is for ", schedule_.world_size(),
            " ranks, and there are ", transport.world_size);
    bind_memories();
    make_loaders();
    if (!settings.resume) set_values(settings.start ? *settings.start : initial_values(model, settings.seed));
  }

  TrainResult run() {
    transport_.require_agreement("what to train", text_of_settings());
    if (settings_.resume) go_on_from(*settings_.resume);
    TrainResult result;
    while (epoch_ < settings_.epochs && !is_good_enough()) {
      const EpochResult row = train_epoch();
      result.diverged = divergence(row);
      if (!result.diverged.empty()) break;
      if (step_in_epoch_ == steps_per_epoch())
        end_epoch(row);
      else
        cut_epoch(row);
    }
    result.epochs = done_;
    result.curve = std::move(curve_);
    if (transport_.has_root() && timed_steps_ > 0)
      result.times = step_times(schedule_, timeline_, static_cast<int>(std::min<std::int64_t>(5, timed_steps_ / 4)));
    result.values = values();
    result.timeline = std::move(timeline_);
    result.schedule = std::move(schedule_);
    return result;
  }

 private:
  /// "" while both losses are finite.
  [[nodiscard]] std::string divergence(const EpochResult& row) const {
    const bool in_training = !std::isfinite(row.train_loss);
    if (!in_training && std::isfinite(row.test_loss)) return "";
    return cat("training diverged: the ", in_training ? "training" : "test", " loss of epoch ", epoch_ + 1, " is ",
               std::isnan(in_training ? row.train_loss : row.test_loss) ? "not a number" : "infinite",
               ", so training stopped there; lower --learning-rate (it was ", settings_.sgd.learning_rate, ")");
  }

  [[nodiscard]] Schedule schedule_of_batch(std::int64_t images, Mode mode) const {
    const std::int64_t usual = mode == Mode::train ? batch() : plan_.global_batch;
    Plan plan = images == usual ? plan_ : with_batch(plan_, static_cast<int>(images));
    plan.dtype = dtype_of(settings_.kernels);
    return make_schedule(model_, plan, mode);
  }

  [[nodiscard]] ComputeSettings compute_settings(Mode mode) const {
    ComputeSettings compute{.kernels = settings_.kernels, .mode = mode, .seed = settings_.seed, .first_step = 0};
    compute.device = settings_.device;
    compute.sgd = [this](std::int64_t step) { return sgd_at(step); };
    compute.lars = plan_.optimiser == Optimiser::lars;
    compute.lars_trust = settings_.lars_trust;
    if (mode == Mode::train) compute.augmentation = settings_.augmentation;
    return compute;
  }

  [[nodiscard]] std::int64_t steps_per_epoch() const { return full_steps() + (short_batch() > 0 ? 1 : 0); }

  [[nodiscard]] cpu::SgdSettings sgd_at(std::int64_t step) const {
    cpu::SgdSettings sgd = settings_.sgd;
    sgd.learning_rate *= rate_factor(settings_.rate, step, settings_.epochs * steps_per_epoch(), steps_per_epoch());
    return sgd;
  }

  /// All that the weights depend on besides the plan and its ranks.
  [[nodiscard]] DecidingSettings deciding_settings() const {
    const cpu::SgdSettings& sgd = settings_.sgd;
    const RateSchedule& rate = settings_.rate;
    DecidingSettings all = {{"--model", model_.name},
                            {"--batch", cat(plan_.global_batch)},
                            {"--steps", cat(settings_.steps_per_epoch)},
                            {"--seed", cat(settings_.seed)},
                            {"--learning-rate", cat(sgd.learning_rate)},
                            {"--momentum", cat(sgd.momentum)},
                            {"--nesterov", sgd.nesterov ? "on" : "off"},
                            {"--weight-decay", cat(sgd.weight_decay)},
                            {"--schedule", std::string(to_string(rate.decay))},
                            {"--warm-up", cat(rate.warm_up_epochs)},
                            {"--data", cat(data_.train.name, " (", data_.train.count(), " images)")},
                            {"kernels", cat(static_cast<int>(settings_.kernels))}};
    all["--optimiser"] = to_string(plan_.optimiser);
    if (plan_.optimiser == Optimiser::lars) all["--trust"] = cat(settings_.lars_trust);
    const std::optional<Augmentation>& augmentation = settings_.augmentation;
    all["--augment"] = cat(!augmentation                              ? "none"
                           : augmentation->crop && augmentation->flip ? "crop,flip"
                           : augmentation->crop                       ? "crop"
                                                                      : "flip");
    const double smoothing = std::get<SoftmaxCrossEntropy>(model_.nodes.back().layer).label_smoothing;
    if (smoothing != 0) all["--label-smoothing"] = cat(smoothing);
    if (plan_.compression.method != "none")
      all["--compress"] =
          cat(plan_.compression.method, plan_.compression.method == "top_k" ? cat(" --keep ", plan_.compression.keep) : "");
    if (plan_.local.steps > 0) all["--local-steps"] = cat(plan_.local.steps, " --local-momentum ", to_string(plan_.local.momentum));
    if (plan_.servers.count > 0 && plan_.servers.mode != "sync")  // synchronous servers make the steps of every other plan
      all["--server-mode"] = cat(plan_.servers.mode, plan_.servers.accept > 0 ? cat(" --accept ", plan_.servers.accept) : "",
                                 plan_.servers.bound > 0 ? cat(" --bound ", plan_.servers.bound) : "");
    if (augmentation && augmentation->crop) all["--crop-padding"] = cat(augmentation->crop_padding);
    if (rate.decay == RateDecay::step) all["--schedule"] += cat(" every ", rate.step_epochs, " epochs by ", rate.step_factor);
    if (rate.decay == RateDecay::linear || rate.decay == RateDecay::cosine) all["--epochs"] = cat(settings_.epochs);
    return all;
  }

  /// The same as a text, with what processes must agree about as well.
  [[nodiscard]] std::string text_of_settings() const {
    std::string text = cat(plan_.name, ' ', settings_.epochs, ' ', settings_.checkpoint_every, ' ', settings_.evaluate_every, ' ',
                           settings_.until_accuracy.value_or(0), ' ',
                           settings_.on_checkpoint ? "saved" : "unsaved", ' ', data_.test.count(), ' ',
                           settings_.resume ? settings_.resume->step : -1);
    for (const std::vector<double>& by_channel : {data_.train.mean, data_.train.deviation})
      for (const double value : by_channel) text += cat(' ', value);
    for (const auto& [option, value] : deciding_settings()) text += cat(' ', option, ' ', value);
    return text;
  }

  void bind_memories() {
    if (settings_.device != nullptr) {
      require_room(*settings_.device, schedule_);
      for (RankMemory& memory : memories_) memory = RankMemory(&settings_.device->memory);
    }
    for (std::size_t i = 0; i < memories_.size(); ++i) memories_[i].bind(schedule_.program(transport_.ranks[i]));
  }

  void make_loaders() {
    const bool work = settings_.augmentation.has_value() || data_.train.pictures;
    const int threads = settings_.loader_threads >= 0 ? settings_.loader_threads : work ? 1 : 0;
    if (threads == 0 || settings_.kernels == Kernels::naive_f64) return;
    training_loader_ = std::make_unique<BatchLoader>(data_.train, threads);
    if (data_.test.pictures) evaluation_loader_ = std::make_unique<BatchLoader>(data_.test, threads);
    training_.settings().loader = training_loader_.get();
    evaluation_.settings().loader = evaluation_loader_.get();
  }

  /// What the ranks of this process load in a number of steps.
  [[nodiscard]] LoadOrder order_of(const Schedule& schedule, std::int64_t steps, const ComputeSettings& compute) const {
    LoadOrder order{
        .first_step = compute.first_step, .steps = steps, .positions = {0, 0}, .takers = 0, .sample_at = compute.sample_at};
    for (const int rank : transport_.ranks)
      for (const Op& op : schedule.program(rank).ops) {
        const auto* load = std::get_if<Compute>(&op.action);
        if (load == nullptr || load->kind != ComputeKind::load) continue;
        ++order.takers;
        const Slice images = load->operands.front().box.n;
        if (images.count == 0) continue;
        const std::int64_t begin = schedule.samples(rank).offset + images.offset, end = begin + images.count;
        const bool first = order.positions.count == 0;
        const std::int64_t low = first ? begin : std::min(order.positions.offset, begin);
        order.positions = {low, (first ? end : std::max(order.positions.end(), end)) - low};
      }
    order.augmentation = compute.augmentation ? &*compute.augmentation : nullptr;
    order.key = compute.variation;
    return order;
  }

  /// Runs steps while a loader, if there is one, prepares their images.
  Timeline run_loaded(const Schedule& schedule, std::int64_t steps, CpuCompute& compute, const RunOptions& options) {
    BatchLoader* loader = compute.settings().loader;
    const LoadOrder order = order_of(schedule, steps, compute.settings());
    if (order.takers == 0) loader = nullptr;  // only others load
    if (loader != nullptr) loader->begin(order);
    try {
      const ComputeFn kernels = slowed(compute.function(), settings_.stragglers, compute.settings().first_step, transport_.now_s);
      Timeline timeline = transport_.run(schedule, static_cast<int>(steps), memories_, kernels, options);
      if (loader != nullptr) loader->end();
      return timeline;
    } catch (...) {
      if (loader == nullptr) throw;
      loader->end();
      if (loader->failure()) std::rethrow_exception(loader->failure());  // as it was, and not as the op says it
      throw;
    }
  }

  void set_values(const ModelValues& full) {
    for (std::size_t i = 0; i < memories_.size(); ++i) {
      const int rank = transport_.ranks[i];
      set_weights(memories_[i], model_, schedule_, rank, full.weights);
      write_values(memories_[i], kStatistics, local_states(model_, schedule_, rank, full.states));
    }
  }

  void go_on_from(const Checkpoint& checkpoint) {
    require_same_run(checkpoint, deciding_settings());
    if (checkpoint.epoch > settings_.epochs || checkpoint.step_in_epoch > full_steps())
      throw InputError(cat("the checkpoint is ", checkpoint.step_in_epoch, " steps into epoch ", checkpoint.epoch + 1,
                           ", and this run has ", settings_.epochs, " epochs of ", steps_per_epoch(),
                           " steps; use more --epochs"));
    set_values(checkpoint.values);
    for (std::size_t i = 0; i < memories_.size(); ++i)
      set_momentum(memories_[i], model_, schedule_, transport_.ranks[i], checkpoint.momentum);
    if (leaves_behind()) set_compression_errors(checkpoint.compression_errors);
    epoch_ = checkpoint.epoch;
    step_ = checkpoint.step;
    step_in_epoch_ = checkpoint.step_in_epoch;
    before_ = {.time_s = checkpoint.time_s, .wait_s = checkpoint.wait_s};
    done_ = checkpoint.epochs;
    const bool same_ranks = std::ssize(checkpoint.totals) == transport_.world_size;
    cpu::Loss sum;
    for (const cpu::Loss& loss : checkpoint.totals) sum += loss;
    for (const int rank : transport_.ranks)  // with other ranks, the first has what all had
      training_.set_totals(rank, same_ranks ? checkpoint.totals[static_cast<std::size_t>(rank)] : rank == 0 ? sum : cpu::Loss{});
  }

  /// Whether ranks keep what compression has left behind; a rank on its own sends everything.
  [[nodiscard]] bool leaves_behind() const { return plan_.compression.method == "top_k" && transport_.world_size > 1; }

  /// Gives every rank back what it had left behind. With another number of ranks, the first has what all had: what will be added to
  /// the weights of that is the same.
  void set_compression_errors(const std::vector<std::vector<double>>& errors) {
    if (errors.empty())
      throw InputError("the checkpoint has nothing of what --compress top_k leaves behind from step to step; it was written by an "
                       "older version, so begin a new run with its weights (--load instead of --resume)");
    const bool same_ranks = std::ssize(errors) == transport_.world_size;
    std::vector<double> sum(errors.front().size());
    for (const std::vector<double>& error : errors) std::ranges::transform(sum, error, sum.begin(), std::plus());
    for (std::size_t i = 0; i < memories_.size(); ++i) {
      const int rank = transport_.ranks[i];
      if (same_ranks || rank == 0)
        write_values(memories_[i], kCompressionError, same_ranks ? errors[static_cast<std::size_t>(rank)] : sum);
    }
  }

  /// What every rank holds in a buffer, where rank 0 is: place(rank, values). From the last rank to the first, since running
  /// statistics, and weights that only the root keeps up to date, are those of the first.
  template <class Place>
  void collect(const char* buffer, const Place& place) const {
    for (int rank = transport_.world_size - 1; rank >= 0; --rank) {
      const auto mine = std::ranges::find(transport_.ranks, rank);
      std::vector<double> local;
      if (mine != transport_.ranks.end())
        local = read_values(memories_[static_cast<std::size_t>(mine - transport_.ranks.begin())], buffer);
      local = transport_.to_root(rank, std::move(local));
      if (transport_.has_root()) place(rank, local);
    }
  }

  /// The values of the whole model, put together from all ranks; empty where rank 0 is not.
  [[nodiscard]] ModelValues values() const {
    ModelValues full;
    full.weights = collected(kWeights, kServerWeights, place_weights);
    collect(kStatistics, [&](int rank, const auto& local) {
      if (!local.empty()) place_states(model_, schedule_, rank, local, full.states);
    });
    return full;
  }

  /// Values of all learned tensors, of buffers of ranks and those of servers, which count. Empty where rank 0 is not.
  template <class Place>
  [[nodiscard]] std::vector<double> collected(const char* buffer, const char* served, const Place& place) const {
    std::vector<double> full;
    if (transport_.has_root()) full.resize(static_cast<std::size_t>(parameter_count(model_)));
    collect(buffer, [&](int rank, const auto& local) {
      if (!local.empty()) place(model_, schedule_, rank, local, full);
    });
    if (is_served(schedule_)) collect(served, [&](int rank, const auto& local) { place_served(schedule_, rank, local, full); });
    return full;
  }

  /// Where workers do not wait for each other, each has weights of its own when a run is over; all get those of the servers.
  void hand_out_weights() {
    if (!is_served(schedule_) || plan_.servers.mode == "sync") return;
    std::vector<double> full = collected(kWeights, kServerWeights, place_weights);
    full.resize(static_cast<std::size_t>(parameter_count(model_)));
    full = transport_.sum(full);  // of rank 0 and of nothing
    for (std::size_t i = 0; i < memories_.size(); ++i) set_weights(memories_[i], model_, schedule_, transport_.ranks[i], full);
  }

  /// Puts together where the run is, and hands it over where rank 0 is.
  void save_checkpoint() {
    if (!settings_.on_checkpoint) return;
    Checkpoint checkpoint{.values = values(), .epoch = epoch_, .step = step_, .step_in_epoch = step_in_epoch_};
    checkpoint.momentum = collected(kMomentum, kServerMomentum, place_momentum);
    if (leaves_behind()) {
      if (transport_.has_root()) checkpoint.compression_errors.resize(static_cast<std::size_t>(transport_.world_size));
      collect(kCompressionError, [&](int rank, const std::vector<double>& error) {
        checkpoint.compression_errors[static_cast<std::size_t>(rank)] = error;
      });
    }
    for (int rank = 0; rank < transport_.world_size; ++rank) {
      const cpu::Loss mine = training_.totals(rank);
      const std::vector<double> theirs = transport_.to_root(rank, {mine.loss_sum, static_cast<double>(mine.correct)});
      if (transport_.has_root())
        checkpoint.totals.push_back({.loss_sum = theirs.at(0), .correct = static_cast<int>(theirs.at(1))});
    }
    if (!transport_.has_root()) return;
    checkpoint.epochs = done_;
    checkpoint.time_s = before_.time_s;
    checkpoint.wait_s = before_.wait_s;
    checkpoint.settings = deciding_settings();
    settings_.on_checkpoint(checkpoint);
  }

  /// Loss and correct answers of all ranks.
  [[nodiscard]] cpu::Loss totals_of(const CpuCompute& compute) const {
    const cpu::Loss mine = compute.totals();
    const std::vector<double> sums = transport_.sum({mine.loss_sum, static_cast<double>(mine.correct)});
    return {.loss_sum = sums.at(0), .correct = static_cast<int>(sums.at(1))};
  }

  // A step is here what an iteration of a schedule does: of local SGD a round of several steps with an update on every rank.

  [[nodiscard]] std::int64_t batch() const { return images_of_iteration(plan_); }
  [[nodiscard]] std::int64_t images_of_epoch() const {
    const std::int64_t all = data_.train.count();
    const std::int64_t steps = std::min(settings_.steps_per_epoch, all / plan_.global_batch + 1);
    return steps > 0 ? std::min(steps * plan_.global_batch, all) : all;
  }
  /// Steps of an epoch with a whole batch, and images of the short step that follows (0: there is none).
  [[nodiscard]] std::int64_t full_steps() const { return images_of_epoch() / batch(); }
  [[nodiscard]] std::int64_t short_batch() const { return images_of_epoch() % batch(); }
  /// The same as people count steps, by updates of a rank.
  [[nodiscard]] std::int64_t updates_of_step() const { return steps_of_iteration(schedule_); }
  [[nodiscard]] std::int64_t updates_of_epoch() const {
    return (images_of_epoch() + plan_.global_batch - 1) / plan_.global_batch;
  }

  [[nodiscard]] std::int64_t updates_so_far() const { return epoch_ * updates_of_epoch() + step_in_epoch_ * updates_of_step(); }
  /// Iterations in which a rank makes at least so many updates.
  [[nodiscard]] std::int64_t iterations_of(std::int64_t updates) const {
    return (updates + updates_of_step() - 1) / updates_of_step();
  }

  /// Steps from here to the next checkpoint or evaluation, or to the end of the full steps.
  [[nodiscard]] std::int64_t stretch() const {
    std::int64_t steps = full_steps() - step_in_epoch_;
    for (const std::int64_t every : {settings_.on_checkpoint ? settings_.checkpoint_every : 0, settings_.evaluate_every})
      if (every > 0) steps = std::min(steps, iterations_of(every) - step_ % iterations_of(every));
    return steps;
  }
  [[nodiscard]] bool is_time(std::int64_t every) const { return every > 0 && step_ % iterations_of(every) == 0; }
  /// Whether settings_.until_accuracy has been reached.
  [[nodiscard]] bool is_good_enough() const {
    return settings_.until_accuracy && !curve_.empty() && curve_.back().test_accuracy >= *settings_.until_accuracy;
  }

  /// The rest of the epoch that is going on, and the evaluation after it.
  EpochResult train_epoch() {
    const std::vector<std::int64_t> order = shuffled(data_.train.count(), settings_.seed, epoch_);
    const std::int64_t first = step_ - step_in_epoch_;
    training_.settings().sample_at = [&order, first, size = batch()](std::int64_t step, std::int64_t position) {
      return order[static_cast<std::size_t>((step - first) * size + position)];
    };
    timed_steps_ = 0;
    while (step_in_epoch_ < full_steps() && !is_good_enough()) {
      run_steps(schedule_, stretch());
      if (step_in_epoch_ == steps_per_epoch()) break;  // there is an evaluation and a checkpoint after every epoch
      if (is_time(settings_.evaluate_every)) (void)evaluate();
      if (is_time(settings_.checkpoint_every)) save_checkpoint();
    }
    if (short_batch() > 0 && !is_good_enough()) run_steps(schedule_of_batch(short_batch(), Mode::train), 1);
    training_.settings().sample_at = nullptr;
    const bool whole = step_in_epoch_ == steps_per_epoch();
    EpochResult row{.learning_rate = sgd_at(step_ - 1).learning_rate,
                    .images = whole ? full_steps() * batch() + short_batch() : step_in_epoch_ * batch(),
                    .steps = whole ? (epoch_ + 1) * updates_of_epoch() : updates_so_far(),
                    .time_s = before_.time_s,
                    .wait_s = before_.wait_s};
    const cpu::Loss totals = totals_of(training_);
    row.train_loss = totals.loss_sum / static_cast<double>(row.images);
    row.train_accuracy = totals.correct / static_cast<double>(row.images);
    if (!std::isfinite(row.train_loss)) return row;
    const AccuracyPoint now = whole ? evaluate() : curve_.back();
    row.test_loss = now.test_loss;
    row.test_accuracy = now.test_accuracy;
    return row;
  }

  void end_epoch(const EpochResult& row) {
    done_.push_back(row);
    ++epoch_;
    step_in_epoch_ = 0;
    before_ = {};
    training_.reset_totals();
    if (transport_.has_root() && settings_.on_epoch) settings_.on_epoch(done_);
    save_checkpoint();
  }

  /// The run is over in the middle of an epoch. What its checkpoint says can go on.
  void cut_epoch(const EpochResult& row) {
    save_checkpoint();
    done_.push_back(row);
    if (transport_.has_root() && settings_.on_epoch) settings_.on_epoch(done_);
  }

  /// Runs steps of one schedule; keeps the timeline of the longest stretch of full steps.
  void run_steps(const Schedule& schedule, std::int64_t steps) {
    training_.settings().first_step = step_;
    training_.settings().variation = {.seed = settings_.seed, .epoch = epoch_};
    RunOptions options = run_options(settings_.threads, settings_.bind);
    const double start_s = transport_.now_s();
    if (settings_.on_progress) {
      options.on_step_end = [&, done = step_in_epoch_](int rank, int iteration) {
        if (rank == 0) report_progress(schedule, done + iteration + 1, before_.time_s + transport_.now_s() - start_s);
      };
    }
    Timeline timeline = run_loaded(schedule, steps, training_, options);
    hand_out_weights();
    before_.time_s += transport_.now_s() - start_s;
    if (training_loader_) {
      before_.wait_s += transport_.sum({training_loader_->waited_s()}).at(0) / transport_.world_size;
      training_loader_->reset_waiting();
    }
    step_ += steps;
    step_in_epoch_ += steps;
    if (schedule.global_batch != batch() || steps < timed_steps_) return;
    timeline_ = std::move(timeline);
    timed_steps_ = steps;
  }

  void report_progress(const Schedule& schedule, std::int64_t step, double time_s) {
    const bool is_short = schedule.global_batch != batch();
    Progress progress{.epoch = epoch_, .step = std::min(step * updates_of_step(), updates_of_epoch()), .steps = updates_of_epoch()};
    progress.images = is_short ? full_steps() * batch() + schedule.global_batch : step * batch();
    progress.time_s = time_s;
    const std::int64_t full = std::min(step, full_steps());
    const std::int64_t mine = full * counted_samples(schedule_, 0).count + (is_short ? counted_samples(schedule, 0).count : 0);
    if (mine > 0) progress.loss = training_.totals(0).loss_sum / static_cast<double>(mine);
    settings_.on_progress(progress);
  }

  /// Seconds of training since the start of the run.
  [[nodiscard]] double training_time_s() const {
    double time_s = before_.time_s;
    for (const EpochResult& row : done_) time_s += row.time_s;
    return time_s;
  }

  /// Runs the test split through the network, a global batch at a time: one more point of the curve.
  AccuracyPoint evaluate() {
    evaluation_.reset_totals();
    const std::int64_t count = data_.test.count(), images = plan_.global_batch, steps = count / images, rest = count % images;
    RunOptions options = run_options(settings_.threads, settings_.bind);
    options.record = false;
    const auto run_from = [&](std::int64_t first_image, std::int64_t of_step, std::int64_t iterations) {
      if (iterations == 0) return;
      evaluation_.settings().sample_at = [=](std::int64_t step, std::int64_t position) {
        return first_image + step * of_step + position;
      };
      run_loaded(schedule_of_batch(of_step, Mode::evaluate), iterations, evaluation_, options);
    };
    run_from(0, images, steps);
    run_from(steps * images, rest, rest > 0 ? 1 : 0);
    const cpu::Loss totals = totals_of(evaluation_);
    const bool whole = step_in_epoch_ == steps_per_epoch();
    curve_.push_back({.steps = whole ? (epoch_ + 1) * updates_of_epoch() : updates_so_far(),
                      .epochs = static_cast<double>(step_) / static_cast<double>(steps_per_epoch()),
                      .time_s = training_time_s(),
                      .test_accuracy = totals.correct / static_cast<double>(count),
                      .test_loss = totals.loss_sum / static_cast<double>(count)});
    return curve_.back();
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
  std::unique_ptr<BatchLoader> training_loader_, evaluation_loader_;  ///< null: ranks load by themselves
  Timeline timeline_{.clock = "steady"};
  std::int64_t timed_steps_ = 0;  ///< in timeline_
  int epoch_ = 0;                 ///< that is going on
  std::int64_t step_ = 0;         ///< done since the start of the run
  std::int64_t step_in_epoch_ = 0;
  std::vector<EpochResult> done_;
  std::vector<AccuracyPoint> curve_;
  struct EpochSoFar {
    double time_s = 0, wait_s = 0;
  } before_;  ///< of the epoch so far
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
  if (const std::int64_t images = images_of_iteration(plan); images > data.train.count())
    throw InputError(cat("a round of ", plan.local.steps, " local steps has ", images, " images and '", data.train.name, "' has ",
                         data.train.count(), "; use --local-steps ", data.train.count() / plan.global_batch,
                         " or fewer, or a smaller --batch"));
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
