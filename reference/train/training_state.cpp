// What a training run consists of: weights, statistics and optimiser state, put together from all ranks and handed out to them.
#include <algorithm>
#include <functional>

#include "reference/core/error.h"
#include "reference/plans/compress_ops.h"
#include "reference/plans/served_schedule.h"
#include "reference/schedule/mean_check.h"
#include "reference/train/training_run.h"
#include "reference/train/weights.h"

namespace convoy {
namespace {

constexpr const char* kWeights = "weights";
constexpr const char* kStatistics = "running_statistics";
constexpr const char* kMomentum = "momentum";

/// sum += the mean of what each rank has, in which ranks count by the images that they have in a step, as in that of weights.
void add_mean(const std::vector<std::vector<double>>& of_ranks, const Schedule& schedule, std::vector<double>& sum) {
  for (std::size_t rank = 0; rank < of_ranks.size(); ++rank) {
    const double share = static_cast<double>(schedule.samples(static_cast<int>(rank)).count) / schedule.global_batch;
    std::ranges::transform(sum, of_ranks[rank], sum.begin(), [&](double so_far, double one) { return so_far + share * one; });
  }
}

}  // namespace

template <class Place>
void Trainer::collect(const char* buffer, const Place& place) const {
  for (int rank = transport_.world_size - 1; rank >= 0; --rank) {
    const auto mine = std::ranges::find(transport_.ranks, rank);
    std::vector<double> local;
    if (mine != transport_.ranks.end())
      local = read_values(memories_[static_cast<std::size_t>(mine - transport_.ranks.begin())], buffer);
    local = transport_.to_root(rank, std::move(local));
    if (transport_.has_root()) place(rank, local);
  }
}

template <class Place>
std::vector<double> Trainer::collected(const char* buffer, const char* served, const Place& place) const {
  std::vector<double> full;
  if (transport_.has_root()) full.resize(static_cast<std::size_t>(parameter_count(model_)));
  collect(buffer, [&](int rank, const auto& local) {
    if (!local.empty()) place(model_, schedule_, rank, local, full);
  });
  if (is_served(schedule_)) collect(served, [&](int rank, const auto& local) { place_served(schedule_, rank, local, full); });
  return full;
}

std::vector<std::vector<double>> Trainer::of_each_rank(const char* buffer, int ranks) const {
  std::vector<std::vector<double>> all;
  if (transport_.has_root()) all.resize(static_cast<std::size_t>(ranks));
  collect(buffer, [&](int rank, const std::vector<double>& local) {
    if (rank < ranks) all[static_cast<std::size_t>(rank)] = local;
  });
  return all;
}

ModelValues Trainer::values() const {
  ModelValues full;
  full.weights = collected(kWeights, kServerWeights, place_weights);
  collect(kStatistics, [&](int rank, const auto& local) {
    if (!local.empty()) place_states(model_, schedule_, rank, local, full.states);
  });
  return full;
}

void Trainer::set_values(const ModelValues& full) {
  for (std::size_t i = 0; i < memories_.size(); ++i) {
    const int rank = transport_.ranks[i];
    set_weights(memories_[i], model_, schedule_, rank, full.weights);
    write_values(memories_[i], kStatistics, local_states(model_, schedule_, rank, full.states));
  }
}

bool Trainer::leaves_behind() const {
  return leaves_errors(plan_.compression) && (transport_.world_size > 1 || plan_.servers.count > 0);
}

void Trainer::set_compression_errors(const std::vector<std::vector<double>>& errors) {
  if (errors.empty())
    throw InputError(
        "the checkpoint has nothing of what --compress top_k leaves behind from step to step; it was written by an "
        "older version, so begin a new run with its weights (--load instead of --resume)");
  const bool same_ranks = std::ssize(errors) == worker_count(plan_);
  std::vector<double> sum(errors.front().size());
  for (const std::vector<double>& error : errors) std::ranges::transform(sum, error, sum.begin(), std::plus());
  for (std::size_t i = 0; i < memories_.size(); ++i) {
    const int rank = transport_.ranks[i];
    if (same_ranks ? rank < worker_count(plan_) : rank == 0)
      write_values(memories_[i], kCompressionError, same_ranks ? errors[static_cast<std::size_t>(rank)] : sum);
  }
}

bool Trainer::keeps_own_momentum() const { return plan_.local.steps > 0 && plan_.local.momentum == LocalMomentum::keep; }

void Trainer::set_own_momenta(const Checkpoint& checkpoint) {
  const bool same_ranks = std::ssize(checkpoint.own_momenta) == transport_.world_size;
  for (std::size_t i = 0; i < memories_.size(); ++i)
    write_values(memories_[i], kOwnMomentum,
                 same_ranks ? checkpoint.own_momenta[static_cast<std::size_t>(transport_.ranks[i])] : checkpoint.momentum);
}

void Trainer::go_on_from(const Checkpoint& checkpoint) {
  require_same_run(checkpoint, deciding_settings());
  if (checkpoint.epoch > settings_.epochs || checkpoint.step_in_epoch > full_steps())
    throw InputError(cat("the checkpoint is ", checkpoint.step_in_epoch, " steps into epoch ", checkpoint.epoch + 1,
                         ", and this run has ", settings_.epochs, " epochs of ", steps_per_epoch(), " steps; use more --epochs"));
  set_values(checkpoint.values);
  for (std::size_t i = 0; i < memories_.size(); ++i)
    set_momentum(memories_[i], model_, schedule_, transport_.ranks[i], checkpoint.momentum);
  if (keeps_own_momentum()) set_own_momenta(checkpoint);
  const bool was_alone = checkpoint.compression_errors.empty() && checkpoint.totals.size() == 1;  // and left nothing behind
  if (leaves_behind() && !was_alone) set_compression_errors(checkpoint.compression_errors);
  if (!leaves_behind() && !checkpoint.compression_errors.empty())
    throw InputError(
        "the checkpoint has gradients that --compress top_k left behind, and a single rank sends everything and keeps none; use 2 "
        "or more --ranks, or begin a new run with its weights (--load instead of --resume)");
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

void Trainer::hand_out_weights() {
  if (!is_served(schedule_) || plan_.servers.mode == "sync") return;
  std::vector<double> full = collected(kWeights, kServerWeights, place_weights);
  full.resize(static_cast<std::size_t>(parameter_count(model_)));
  full = transport_.sum(full);  // of rank 0 and of nothing
  for (std::size_t i = 0; i < memories_.size(); ++i) set_weights(memories_[i], model_, schedule_, transport_.ranks[i], full);
}

void Trainer::save_checkpoint() {
  if (!settings_.on_checkpoint) return;
  Checkpoint checkpoint{.values = values(), .epoch = epoch_, .step = step_, .step_in_epoch = step_in_epoch_};
  checkpoint.momentum = collected(kMomentum, kServerMomentum, place_momentum);
  if (leaves_behind()) checkpoint.compression_errors = of_each_rank(kCompressionError, worker_count(plan_));
  if (keeps_own_momentum()) {
    checkpoint.own_momenta = of_each_rank(kOwnMomentum, transport_.world_size);
    add_mean(checkpoint.own_momenta, schedule_, checkpoint.momentum);
  }
  for (int rank = 0; rank < transport_.world_size; ++rank) {
    const cpu::Loss mine = training_.totals(rank);
    const std::vector<double> theirs = transport_.to_root(rank, {mine.loss_sum, static_cast<double>(mine.correct)});
    if (transport_.has_root()) checkpoint.totals.push_back({.loss_sum = theirs.at(0), .correct = static_cast<int>(theirs.at(1))});
  }
  if (!transport_.has_root()) return;
  checkpoint.epochs = done_;
  checkpoint.time_s = before_.time_s;
  checkpoint.wait_s = before_.wait_s;
  checkpoint.settings = deciding_settings();
  settings_.on_checkpoint(checkpoint);
}

}  // namespace convoy
