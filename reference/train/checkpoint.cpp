#include "reference/train/checkpoint.h"

#include <limits>
#include <nlohmann/json.hpp>

#include "reference/core/error.h"
#include "reference/io/file.h"
#include "reference/io/json_fields.h"
#include "reference/io/weights_file.h"

namespace convoy {
namespace {

using nlohmann::json;

constexpr const char* kFormat = "convoy checkpoint 1";

json to_json(const EpochResult& e) {
  return {{"train_loss", e.train_loss},
          {"train_accuracy", e.train_accuracy},
          {"test_accuracy", e.test_accuracy},
          {"test_loss", e.test_loss},
          {"learning_rate", e.learning_rate},
          {"images", e.images},
          {"steps", e.steps},
          {"time_s", e.time_s},
          {"wait_s", e.wait_s}};
}

EpochResult epoch_from(const json& e) {
  return {.train_loss = e.at("train_loss").get<double>(),
          .train_accuracy = e.at("train_accuracy").get<double>(),
          .test_accuracy = e.at("test_accuracy").get<double>(),
          .test_loss = e.at("test_loss").get<double>(),
          .learning_rate = e.at("learning_rate").get<double>(),
          .images = e.at("images").get<std::int64_t>(),
          .steps = e.at("steps").get<std::int64_t>(),
          .time_s = e.at("time_s").get<double>(),
          .wait_s = e.at("wait_s").get<double>()};
}

/// Everything that is no tensor.
json run_of(const Checkpoint& checkpoint) {
  json run = {{"epoch", checkpoint.epoch},   {"step", checkpoint.step},        {"step_in_epoch", checkpoint.step_in_epoch},
              {"time_s", checkpoint.time_s}, {"wait_s", checkpoint.wait_s},    {"epochs", json::array()},
              {"totals", json::array()},     {"settings", checkpoint.settings}};
  for (const EpochResult& epoch : checkpoint.epochs) run["epochs"].push_back(to_json(epoch));
  for (const cpu::Loss& loss : checkpoint.totals)
    run["totals"].push_back({{"loss_sum", loss.loss_sum}, {"correct", loss.correct}});
  return run;
}

void read_run(const json& run, Checkpoint& checkpoint) {
  checkpoint.epoch = run.at("epoch").get<int>();
  checkpoint.step = run.at("step").get<std::int64_t>();
  checkpoint.step_in_epoch = run.at("step_in_epoch").get<std::int64_t>();
  checkpoint.time_s = run.at("time_s").get<double>();
  checkpoint.wait_s = run.at("wait_s").get<double>();
  checkpoint.settings = run.at("settings").get<DecidingSettings>();
  for (const json& epoch : run.at("epochs")) checkpoint.epochs.push_back(epoch_from(epoch));
  for (const json& loss : run.at("totals"))
    checkpoint.totals.push_back({loss.at("loss_sum").get<double>(), loss.at("correct").get<int>()});
  const bool sensible = checkpoint.epoch >= 0 && checkpoint.step >= 0 && checkpoint.step_in_epoch >= 0 &&
                        checkpoint.step_in_epoch <= checkpoint.step && std::ssize(checkpoint.epochs) == checkpoint.epoch;
  if (!sensible) throw std::out_of_range("epochs and steps do not fit together");
}

}  // namespace

std::map<std::string, std::string> to_metadata(const InputFacts& input) {
  std::map<std::string, std::string> metadata = {{"pixel_mean", json_text(json(input.mean))},
                                                 {"pixel_deviation", json_text(json(input.deviation))},
                                                 {"picture_side", json_text(json(input.picture_side))}};
  if (!input.class_names.empty()) metadata["classes"] = json_text(json(input.class_names));
  return metadata;
}

InputFacts input_facts(const std::map<std::string, std::string>& metadata) {
  const auto parsed = [&](const char* key) {
    const auto found = metadata.find(key);
    return found == metadata.end() ? json() : json_or_nothing(found->second);
  };
  InputFacts input;
  // A number, as files of before have it, or one for every channel.
  const auto by_channel = [&](const char* key, const std::vector<double>& otherwise, double least) {
    const json value = parsed(key);
    std::vector<double> numbers;
    for (const json& number : value.is_array() ? value : json::array({value}))
      if (number.is_number() && number.get<double>() > least) numbers.push_back(number.get<double>());
    return numbers.empty() || numbers.size() != (value.is_array() ? value.size() : 1) ? otherwise : numbers;
  };
  input.mean = by_channel("pixel_mean", input.mean, std::numeric_limits<double>::lowest());
  input.deviation = by_channel("pixel_deviation", input.deviation, 0);
  if (const json side = parsed("picture_side"); side.is_number_integer() && side >= 0 && side <= 16384)
    input.picture_side = side.get<int>();
  if (const json classes = parsed("classes"); classes.is_array())
    for (const json& name : classes) input.class_names.push_back(name.is_string() ? name.get<std::string>() : json_text(name));
  return input;
}

void write_checkpoint(const std::string& path, const Model& model, const Checkpoint& checkpoint, const InputFacts& input,
                      DType dtype) {
  WeightsFile file{.values = checkpoint.values,
                   .momentum = checkpoint.momentum,
                   .compression_errors = checkpoint.compression_errors,
                   .own_momenta = checkpoint.own_momenta,
                   .metadata = to_metadata(input)};
  file.metadata["format"] = kFormat;
  file.metadata["run"] = json_text(run_of(checkpoint));
  write_weights_file(path, model, file, dtype);
}

Checkpoint parse_checkpoint(std::span<const std::byte> bytes, const std::string& name, const Model& model) {
  WeightsFile file = parse_weights_file(bytes, name, model);
  const auto text = [&](const char* key) { return file.metadata.contains(key) ? file.metadata.at(key) : std::string(); };
  if (text("format") != kFormat || text("checksum").empty() || file.momentum.empty())
    throw InputError(cat("'", name, "' has weights, but is no checkpoint (its format is '", text("format"), "', expected '",
                         kFormat, "'); to begin a new run with its weights, type: --load ", name));
  Checkpoint checkpoint{.values = std::move(file.values),
                        .momentum = std::move(file.momentum),
                        .compression_errors = std::move(file.compression_errors),
                        .own_momenta = std::move(file.own_momenta)};
  try {
    read_run(parse_json(text("run"), name), checkpoint);
  } catch (const std::exception& error) {  // of nlohmann::json, or out_of_range
    throw InputError(cat("'", name, "': what it says about its run cannot be used (", error.what(), "); use another checkpoint"));
  }
  return checkpoint;
}

Checkpoint read_checkpoint(const std::string& path, const Model& model) {
  return parse_checkpoint(bytes_of(read_file(path)), path, model);
}

void require_same_run(const Checkpoint& checkpoint, const DecidingSettings& mine) {
  DecidingSettings all = mine;  // some options are there only where they are not what they are by default
  for (const auto& [option, value] : checkpoint.settings) all.try_emplace(option, "(nothing)");
  for (const auto& [option, value] : all) {
    const auto found = checkpoint.settings.find(option);
    const std::string theirs = found == checkpoint.settings.end() ? "(nothing)" : found->second;
    if (theirs != value)
      throw InputError(cat("the checkpoint is of a run with ", option, " ", theirs, ", and this run has ", option, " ", value,
                           "; a run goes on only with what it began with, so ",
                           theirs == "(nothing)" ? cat("leave out ", option) : cat("type ", option, " ", theirs),
                           ", or begin a new one with its weights (--load instead of --resume)"));
  }
}

}  // namespace convoy
