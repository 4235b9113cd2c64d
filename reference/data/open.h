/// Finding data by the word a person typed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "reference/data/dataset.h"

namespace convoy {

/// What is asked for.
struct DataRequest {
  std::string source = "fashion-mnist";  ///< "fashion-mnist", "synthetic", or a folder: IDX, CIFAR-10, pictures
  Shape image{1, 1, 28, 28};             ///< of the model
  int classes = 10;                      ///< of the model
  std::string model = "lenet5";          ///< for messages
  std::int64_t synthetic_count = 0;      ///< training images of "synthetic"; 0: as many as fit 64 MiB, 8192 at most
  std::uint64_t seed = 1;                ///< of "synthetic", and of the split of a folder of pictures
};

/// Reads or makes the data and checks that it fits the model. Throws an InputError that says what to type or install instead.
TrainingData open_data(const DataRequest& request);

/// The folder of Fashion-MNIST: $CONVOY_DATA_DIR/fashion-mnist, $CONVOY_DATA_DIR, or datasets/fashion-mnist in one of the
/// folders of $XDG_DATA_DIRS (where Debian's package dataset-fashion-mnist puts it); nothing when it is in none.
std::optional<std::filesystem::path> find_fashion_mnist();

}  // namespace convoy
