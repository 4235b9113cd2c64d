// In place of idx.cpp, where zlib is not found.
#include "reference/data/idx.h"

#include "reference/core/error.h"

namespace convoy {
namespace {

[[noreturn]] void refuse(const std::filesystem::path& path) {
  throw InputError(cat(path.string(), ": this convoy-train was built without zlib, so it reads no IDX files; use --data synthetic, or build it with zlib"));
}

}  // namespace

TrainingData read_idx_folder(const std::filesystem::path& folder, const std::string&, int) { refuse(folder); }
Dataset read_idx_images(const std::filesystem::path& images) { refuse(images); }
Dataset read_idx_pair(const std::filesystem::path& images, const std::filesystem::path&, const std::string&, int) { refuse(images); }

}  // namespace convoy
