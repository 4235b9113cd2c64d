/// The epochs of a run as files for people and programs.
#pragma once

#include <string>
#include <vector>

#include "reference/train/checkpoint.h"

namespace convoy {

/// A line of names, then one line an epoch: epoch (from 1), steps, images, learning_rate, train_loss, train_accuracy, test_loss,
/// test_accuracy, time_s, wait_s. Numbers with all digits that they have.
std::string epochs_to_csv(const std::vector<EpochResult>& epochs);

/// Loss and accuracy over epochs as a picture (SVG).
std::string epochs_to_svg(const std::vector<EpochResult>& epochs, const std::string& title);

}  // namespace convoy
