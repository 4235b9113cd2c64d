#include "reference/data/cifar10.h"

#include "reference/core/error.h"
#include "reference/data/file_bytes.h"

namespace convoy {
namespace {

constexpr Shape kImage{1, 3, 32, 32};
constexpr std::size_t kRecord_bytes = 1 + 3 * 32 * 32;
constexpr int kClasses = 10;

Dataset empty_split(const std::string& name) {
  return {.name = name,
          .image = kImage,
          .classes = kClasses,
          .pixels = {},
          .labels = {},
          .class_names = {"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"}};
}

}  // namespace

void parse_cifar10(std::span<const std::byte> bytes, const std::string& name, Dataset& data) {
  if (bytes.empty() || bytes.size() % kRecord_bytes != 0)
    throw InputError(cat(name, ": ", bytes.size(), " bytes, expected a multiple of ", kRecord_bytes,
                         " (a label and 3 x 32 x 32 bytes for each picture); is it a file of the binary version of CIFAR-10?"));
  for (std::size_t at = 0; at < bytes.size(); at += kRecord_bytes) {
    const int label = static_cast<int>(bytes[at]);
    if (label >= kClasses) throw InputError(cat(name, ", byte ", at, ": label ", label, ", expected 0 to ", kClasses - 1));
    data.labels.push_back(label);
    for (const std::byte pixel : bytes.subspan(at + 1, kRecord_bytes - 1))
      data.pixels.push_back(static_cast<std::uint8_t>(pixel));
  }
}

bool is_cifar10_folder(const std::filesystem::path& folder) { return std::filesystem::exists(folder / "data_batch_1.bin"); }

TrainingData read_cifar10_folder(const std::filesystem::path& folder, const std::string& name) {
  TrainingData data{.train = empty_split(name + " train"), .test = empty_split(name + " test")};
  const auto add = [&](const std::string& file, Dataset& split) {
    const std::string path = (folder / file).string();
    parse_cifar10(read_bytes(path), path, split);
  };
  for (int i = 1; i <= 5; ++i) add(cat("data_batch_", i, ".bin"), data.train);
  add("test_batch.bin", data.test);
  normalise(data);
  return data;
}

}  // namespace convoy
