/// IDX: the file format of MNIST and of the data sets made in its image (Fashion-MNIST, KMNIST, QMNIST, ...).
///
///   images  00 00 08 03 | count | rows | columns | count*rows*columns bytes      labels  00 00 08 01 | count | count bytes
///
/// Numbers are 32-bit, big-endian. Files may be plain or compressed with gzip.
/// Source: LeCun, Cortes, Burges, "The MNIST database of handwritten digits".
#pragma once

#include <filesystem>
#include <string>

#include "reference/data/dataset.h"

namespace convoy {

/// Reads train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte, each plain or
/// with .gz, from one folder and normalises them. Every label must be below `classes`.
/// Throws an InputError naming the file, the byte (after unpacking) and what was expected there.
TrainingData read_idx_folder(const std::filesystem::path& folder, const std::string& name, int classes);

/// Reads a file of images alone; without labels and not normalised.
Dataset read_idx_images(const std::filesystem::path& images);

/// Reads one pair of files; not normalised.
Dataset read_idx_pair(const std::filesystem::path& images, const std::filesystem::path& labels, const std::string& name,
                      int classes);

}  // namespace convoy
