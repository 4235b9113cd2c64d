/// Checkpoints: all that a training run needs to go on as if it had never stopped.
///
/// The order of images, Dropout and augmentation follow from seed, epoch, step and the number of an image and from nothing that
/// changes as a run goes on, so seed, epoch and step are the whole state of its random numbers.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "reference/core/dtype.h"
#include "reference/cpu/types.h"
#include "reference/model/model.h"

namespace convoy {

struct EpochResult {
  double train_loss = 0;      ///< mean over the images seen
  double train_accuracy = 0;  ///< fraction, of the answers given while training
  double test_accuracy = 0;   ///< fraction
  double test_loss = 0;       ///< mean
  double learning_rate = 0;   ///< of the last step
  std::int64_t images = 0;    ///< trained on
  std::int64_t steps = 0;     ///< since the start of the run
  double time_s = 0;          ///< of training, without evaluation
  double wait_s = 0;          ///< of this, waiting for images: the mean over the ranks
  friend bool operator==(const EpochResult&, const EpochResult&) = default;
};

/// Options and what they were set to, as texts: { "--seed", "1" }.
using DecidingSettings = std::map<std::string, std::string>;

/// Where a run is between two steps.
struct Checkpoint {
  ModelValues values;            ///< of the whole model, whatever the plan
  std::vector<double> momentum;  ///< in the order of values.weights; of ranks with momentum of their own, the mean, by images
  /// Of each rank what top_k has left behind so far, in the same order; empty in runs without it.
  std::vector<std::vector<double>> compression_errors = {};
  std::vector<std::vector<double>> own_momenta = {};  ///< of each rank in local SGD with LocalMomentum::keep, likewise
  int epoch = 0;                 ///< that is going on, from 0; as many as there are when the run is over
  std::int64_t step = 0;         ///< steps done since the start of the run
  std::int64_t step_in_epoch = 0;
  std::vector<EpochResult> epochs;  ///< those that are over
  std::vector<cpu::Loss> totals;    ///< of each rank, of the epoch that is going on
  double time_s = 0, wait_s = 0;    ///< of the same
  DecidingSettings settings;        ///< all that the weights depend on, besides plan and threads
};

/// What a file says about a network besides its values, so that it can be used without its data.
struct InputFacts {
  std::vector<std::string> class_names;  ///< empty: unknown
  std::vector<double> mean = {0}, deviation = {1};  ///< of pixel / 255, as in Dataset
  int picture_side = 0;                  ///< to which pictures were resized before they were cut; 0: none were
};

/// Writes a weights file that others can read, with the rest in its metadata: see docs/formats.md. dtype is that of the run.
void write_checkpoint(const std::string& path, const Model& model, const Checkpoint& checkpoint, const InputFacts& input,
                      DType dtype);

/// Reads it back. An InputError names the file and what is wrong with it: cut short, changed, of another model, or a weights file
/// that is no checkpoint.
Checkpoint parse_checkpoint(std::span<const std::byte> bytes, const std::string& name, const Model& model);
Checkpoint read_checkpoint(const std::string& path, const Model& model);

/// What a weights file or checkpoint says about its input; as much as it does.
InputFacts input_facts(const std::map<std::string, std::string>& metadata);
/// The same as metadata to be written.
std::map<std::string, std::string> to_metadata(const InputFacts& input);

/// Throws an InputError that names the option in which a run differs from the one that wrote the checkpoint.
void require_same_run(const Checkpoint& checkpoint, const DecidingSettings& mine);

}  // namespace convoy
