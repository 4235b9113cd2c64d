// What was chosen for a training run, as kernels and schedules take it, and as a checkpoint remembers it.
#include <memory>

#include "reference/core/error.h"
#include "reference/train/training_run.h"

namespace convoy {

Schedule Trainer::schedule_of_batch(std::int64_t images, Mode mode) const {
  const std::int64_t usual = mode == Mode::train ? batch() : plan_.global_batch;
  Plan plan = images == usual ? plan_ : with_batch(plan_, static_cast<int>(images));
  plan.dtype = dtype_of(settings_.kernels);
  return make_schedule(model_, plan, mode);
}

ComputeSettings Trainer::compute_settings(Mode mode) const {
  ComputeSettings compute{.kernels = settings_.kernels, .mode = mode, .seed = settings_.seed, .first_step = 0};
  compute.device = settings_.device;
  compute.sgd = [this](std::int64_t step) { return sgd_at(step); };
  compute.lars = plan_.optimiser == Optimiser::lars;
  compute.lars_trust = settings_.lars_trust;
  if (mode == Mode::train) compute.augmentation = settings_.augmentation;
  return compute;
}

cpu::SgdSettings Trainer::sgd_at(std::int64_t step) const {
  cpu::SgdSettings sgd = settings_.sgd;
  sgd.learning_rate *= rate_factor(settings_.rate, step, settings_.epochs * steps_per_epoch(), steps_per_epoch());
  return sgd;
}

DecidingSettings Trainer::deciding_settings() const {
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

std::string Trainer::text_of_settings() const {
  std::string text =
      cat(plan_.name, ' ', settings_.epochs, ' ', settings_.checkpoint_every, ' ', settings_.evaluate_every, ' ',
          settings_.until_accuracy.value_or(0), ' ', settings_.on_checkpoint ? "saved" : "unsaved", ' ', data_.test.count(), ' ', settings_.resume ? settings_.resume->step : -1);
  for (const std::vector<double>& by_channel : {data_.train.mean, data_.train.deviation})
    for (const double value : by_channel) text += cat(' ', value);
  for (const auto& [option, value] : deciding_settings()) text += cat(' ', option, ' ', value);
  return text;
}

void Trainer::bind_memories() {
  if (settings_.device != nullptr) {
    require_room(*settings_.device, schedule_);
    for (RankMemory& memory : memories_) memory = RankMemory(&settings_.device->memory);
  }
  for (std::size_t i = 0; i < memories_.size(); ++i) memories_[i].bind(schedule_.program(transport_.ranks[i]));
}

void Trainer::make_loaders() {
  const bool work = settings_.augmentation.has_value() || data_.train.pictures;
  const int threads = settings_.loader_threads >= 0 ? settings_.loader_threads : work ? 1 : 0;
  if (threads == 0 || settings_.kernels == Kernels::naive_f64) return;
  training_loader_ = std::make_unique<BatchLoader>(data_.train, threads);
  if (data_.test.pictures) evaluation_loader_ = std::make_unique<BatchLoader>(data_.test, threads);
  training_.settings().loader = training_loader_.get();
  evaluation_.settings().loader = evaluation_loader_.get();
}

}  // namespace convoy
