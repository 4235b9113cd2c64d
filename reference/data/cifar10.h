/// CIFAR-10, binary version: files of records of 3073 bytes, one label (0 to 9) and a picture of 3 x 32 x 32 bytes, red plane first.
/// Source: Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009, and its page.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>

#include "reference/data/dataset.h"

namespace convoy {

/// Appends the records of one file to the data. An InputError names the file, the byte and what was expected there.
void parse_cifar10(std::span<const std::byte> bytes, const std::string& name, Dataset& data);

/// Reads data_batch_1.bin to data_batch_5.bin, for training, and test_batch.bin from one folder, and normalises them by channel.
TrainingData read_cifar10_folder(const std::filesystem::path& folder, const std::string& name);

/// Whether the folder has the first of these files.
bool is_cifar10_folder(const std::filesystem::path& folder);

}  // namespace convoy
