#include "reference/train/trainer.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#ifdef _OPENMP
#include <omp.h>
#endif

#include "reference/core/error.h"
#include "reference/core/random.h"
#include "reference/cpu/kernels.h"
#include "reference/train/slowed.h"
#include "reference/train/training_run.h"
#include "reference/train/weights.h"

namespace convoy {
namespace {

/// Steps, at the beginning of those that are timed, that are left out: a quarter, but no more than these and never none of several.
constexpr std::int64_t kMostWarmUp = 5;

}  // namespace

Trainer::Trainer(const Model& model, const Plan& plan, const TrainingData& data, const TrainSettings& settings,
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

TrainResult Trainer::run() {
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
    result.times = step_times(schedule_, timeline_, static_cast<int>(std::clamp<std::int64_t>(timed_steps_ / 4, 1, kMostWarmUp)));
  result.values = values();
  result.timeline = std::move(timeline_);
  result.schedule = std::move(schedule_);
  return result;
}

std::string Trainer::divergence(const EpochResult& row) const {
  const bool in_training = !std::isfinite(row.train_loss);
  if (!in_training && std::isfinite(row.test_loss)) return "";
  return cat("training diverged: the ", in_training ? "training" : "test", " loss of epoch ", epoch_ + 1, " is ",
             std::isnan(in_training ? row.train_loss : row.test_loss) ? "not a number" : "infinite",
             ", so training stopped there; lower --learning-rate (it was ", settings_.sgd.learning_rate, ")");
}

EpochResult Trainer::train_epoch() {
  const std::vector<std::int64_t> order = shuffled(data_.train.count(), settings_.seed, epoch_);
  const std::int64_t first = step_ - step_in_epoch_;
  training_.settings().sample_at = [&order, first, size = batch()](std::int64_t step, std::int64_t position) {
    return order[static_cast<std::size_t>((step - first) * size + position)];
  };
  timed_steps_ = 0;
  bool finite = true;  // what has diverged takes the place of no checkpoint
  while (step_in_epoch_ < full_steps() && finite && !is_good_enough()) {
    run_steps(schedule_, stretch());
    if (step_in_epoch_ == steps_per_epoch()) break;  // there is an evaluation and a checkpoint after every epoch
    const bool save = is_time(settings_.checkpoint_every);
    if (is_time(settings_.evaluate_every)) finite = std::isfinite(evaluate().test_loss);
    if (save && finite) finite = std::isfinite(totals_of(training_).loss_sum);
    if (save && finite) save_checkpoint();
  }
  if (short_batch() > 0 && finite && !is_good_enough()) run_steps(schedule_of_batch(short_batch(), Mode::train), 1);
  training_.settings().sample_at = nullptr;
  const bool whole = step_in_epoch_ == steps_per_epoch();
  EpochResult row{.learning_rate = sgd_at(step_ - 1).learning_rate,
                  .images = whole ? full_steps() * batch() + short_batch() : step_in_epoch_ * batch(),
                  .steps = updates_so_far(),
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

void Trainer::cut_epoch(const EpochResult& row) {
  save_checkpoint();
  done_.push_back(row);
  if (transport_.has_root() && settings_.on_epoch) settings_.on_epoch(done_);
}

void Trainer::end_epoch(const EpochResult& row) {
  done_.push_back(row);
  ++epoch_;
  step_in_epoch_ = 0;
  before_ = {};
  training_.reset_totals();
  if (transport_.has_root() && settings_.on_epoch) settings_.on_epoch(done_);
  save_checkpoint();
}

void Trainer::run_steps(const Schedule& schedule, std::int64_t steps) {
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

Timeline Trainer::run_loaded(const Schedule& schedule, std::int64_t steps, CpuCompute& compute, RunOptions options) {
  options.first_op_by_op = have_run_.emplace(&compute, schedule.global_batch).second;
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

LoadOrder Trainer::order_of(const Schedule& schedule, std::int64_t steps, const ComputeSettings& compute) const {
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

void Trainer::report_progress(const Schedule& schedule, std::int64_t step, double time_s) {
  const bool is_short = schedule.global_batch != batch();
  Progress progress{
      .epoch = epoch_, .step = std::min(step * updates_of_step(), updates_of_epoch()), .steps = updates_of_epoch()};
  progress.images = is_short ? full_steps() * batch() + schedule.global_batch : step * batch();
  progress.time_s = time_s;
  const std::int64_t full = std::min(step, full_steps());
  const std::int64_t mine = full * counted_samples(schedule_, 0).count + (is_short ? counted_samples(schedule, 0).count : 0);
  if (mine > 0) progress.loss = training_.totals(0).loss_sum / static_cast<double>(mine);
  settings_.on_progress(progress);
}

double Trainer::training_time_s() const {
  double time_s = before_.time_s;
  for (const EpochResult& row : done_) time_s += row.time_s;
  return time_s;
}

AccuracyPoint Trainer::evaluate() {
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
  curve_.push_back({.steps = updates_so_far(),
                    .epochs = static_cast<double>(updates_so_far()) / static_cast<double>(updates_of_epoch()),
                    .time_s = training_time_s(),
                    .test_accuracy = totals.correct / static_cast<double>(count),
                    .test_loss = totals.loss_sum / static_cast<double>(count)});
  return curve_.back();
}

cpu::Loss Trainer::totals_of(const CpuCompute& compute) const {
  const cpu::Loss mine = compute.totals();
  const std::vector<double> sums = transport_.sum({mine.loss_sum, static_cast<double>(mine.correct)});
  return {.loss_sum = sums.at(0), .correct = static_cast<int>(sums.at(1))};
}

bool Trainer::is_good_enough() const {
  return settings_.until_accuracy && !curve_.empty() && curve_.back().test_accuracy >= *settings_.until_accuracy;
}

std::int64_t Trainer::images_of_epoch() const {
  const std::int64_t all = data_.train.count();
  const std::int64_t steps = std::min(settings_.steps_per_epoch, all / plan_.global_batch + 1);
  return steps > 0 ? std::min(steps * plan_.global_batch, all) : all;
}

std::int64_t Trainer::stretch() const {
  std::int64_t steps = full_steps() - step_in_epoch_;
  for (const std::int64_t every : {settings_.on_checkpoint ? settings_.checkpoint_every : 0, settings_.evaluate_every})
    if (every > 0) steps = std::min(steps, iterations_of(every) - step_ % iterations_of(every));
  return steps;
}

std::int64_t Trainer::updates_so_far() const {
  const bool whole = step_in_epoch_ == steps_per_epoch();  // with a shorter last step
  return epoch_ * updates_of_epoch() + (whole ? updates_of_epoch() : step_in_epoch_ * updates_of_step());
}

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
