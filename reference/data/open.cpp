#include "reference/data/open.h"

#include <algorithm>
#include <cstdlib>
#include <sstream>

#include "reference/core/error.h"
#include "reference/data/cifar10.h"
#include "reference/data/idx.h"
#include "reference/data/image_folder.h"
#include "reference/data/synthetic.h"

namespace convoy {
namespace {

namespace fs = std::filesystem;

std::string environment(const char* name, const char* otherwise) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0' ? value : otherwise;
}

/// Folders where Fashion-MNIST may lie. Source of the default: XDG Base Directory Specification.
std::vector<fs::path> fashion_mnist_candidates() {
  std::vector<fs::path> candidates;
  if (const fs::path own = environment("CONVOY_DATA_DIR", ""); !own.empty()) {
    candidates.push_back(own / "fashion-mnist");
    candidates.push_back(own);
  }
  std::istringstream folders(environment("XDG_DATA_DIRS", "/usr/local/share:/usr/share"));
  for (std::string folder; std::getline(folders, folder, ':');)
    if (!folder.empty()) candidates.push_back(fs::path(folder) / "datasets" / "fashion-mnist");
  return candidates;
}

TrainingData open_synthetic(const DataRequest& request) {
  constexpr std::int64_t kMost_bytes = 64 << 20;
  constexpr std::int64_t kMostImages = 8192;
  const std::int64_t count = request.synthetic_count > 0
                                 ? request.synthetic_count
                                 : std::clamp<std::int64_t>(kMost_bytes / request.image.sample_count(), 1, kMostImages);
  return make_synthetic({.image = request.image,
                         .classes = request.classes,
                         .train_count = count,
                         .test_count = std::max<std::int64_t>(1, count / 4),
                         .seed = request.seed});
}

TrainingData open_fashion_mnist(int classes) {
  if (const auto folder = find_fashion_mnist()) {
    TrainingData data = read_idx_folder(*folder, "fashion-mnist", classes);
    for (Dataset* split : {&data.train, &data.test})  // Xiao, Rasul, Vollgraf 2017, table 2
      split->class_names = {"T-shirt/top", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"};
    return data;
  }
  std::string looked;
  for (const fs::path& folder : fashion_mnist_candidates()) looked += (looked.empty() ? "" : ", ") + folder.string();
  throw InputError(
      cat("Fashion-MNIST is not installed (looked in ", looked,
          "); on Debian and Ubuntu install the package dataset-fashion-mnist, or set CONVOY_DATA_DIR to the folder of its "
          "files, or use --data synthetic"));
}

/// A folder of any kind that is known, told apart by what is in it.
TrainingData open_folder(const DataRequest& request) {
  const fs::path folder = request.source;
  const std::string name = (folder.has_filename() ? folder : folder.parent_path()).filename().string();
  if (is_cifar10_folder(folder)) return read_cifar10_folder(folder, name);
  const auto is_folder = [](const fs::directory_entry& entry) { return entry.is_directory(); };
  const bool idx = fs::exists(folder / "train-images-idx3-ubyte") || fs::exists(folder / "train-images-idx3-ubyte.gz");
  if (!idx && std::any_of(fs::directory_iterator(folder), fs::directory_iterator(), is_folder))
    return open_image_folder(folder, name, {.image = request.image, .seed = request.seed});
  return read_idx_folder(folder, name, request.classes);
}

}  // namespace

std::optional<fs::path> find_fashion_mnist() {
  for (const fs::path& folder : fashion_mnist_candidates())
    for (const char* file : {"train-images-idx3-ubyte", "train-images-idx3-ubyte.gz"})
      if (fs::is_regular_file(folder / file)) return folder;
  return std::nullopt;
}

TrainingData open_data(const DataRequest& request) {
  TrainingData data;
  if (request.source == "synthetic") {
    data = open_synthetic(request);
  } else if (request.source == "fashion-mnist") {
    data = open_fashion_mnist(request.classes);
  } else {
    if (!fs::is_directory(request.source)) {
      const std::string near = nearest_word(request.source, {"fashion-mnist", "synthetic"});
      throw InputError(cat("--data '", request.source, "' is not a folder",
                           near.empty() ? "" : cat("; did you mean '", near, "'?"), near.empty() ? "; use" : " Use",
                           " fashion-mnist, synthetic, or a folder: of IDX files, of CIFAR-10's, or of pictures with a "
                           "subfolder for each class"));
    }
    data = open_folder(request);
  }
  require_fits(data.train, request.model, request.image, request.classes);
  return data;
}

}  // namespace convoy
