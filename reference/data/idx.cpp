#include "reference/data/idx.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <system_error>

#include "reference/core/error.h"

namespace convoy {
namespace {

namespace fs = std::filesystem;

/// Reads a plain or gzip file from front to back (zlib tells them apart by the first two bytes) and knows where it is.
class IdxFile {
 public:
  explicit IdxFile(const fs::path& path) : path_(path.string()), file_(gzopen(path_.c_str(), "rb")) {  // which sets errno
    if (!file_) throw InputError(cat("cannot open '", path_, "': ", std::strerror(errno)));
    gzbuffer(file_.get(), 1U << 17U);
  }

  [[nodiscard]] std::int64_t offset() const { return offset_; }

  /// The next `count` bytes; `what` says what they are. Memory grows with what is really there, not with what a header claims.
  std::vector<std::uint8_t> read(std::int64_t count, std::string_view what) {
    constexpr std::int64_t kBlock_bytes = 1 << 20;
    std::vector<std::uint8_t> bytes;
    while (count > 0) {
      const auto wanted = static_cast<std::size_t>(std::min(count, kBlock_bytes));
      const std::size_t before = bytes.size();
      bytes.resize(before + wanted);
      const std::size_t got = read_some(bytes.data() + before, wanted);
      if (got < wanted)
        fail(cat("the file ends here, expected ", count - static_cast<std::int64_t>(got), " more bytes of ", what));
      count -= static_cast<std::int64_t>(wanted);
    }
    return bytes;
  }

  /// A 32-bit big-endian number.
  std::int64_t number(std::string_view what) {
    const std::vector<std::uint8_t> b = read(4, what);
    return (std::int64_t{b[0]} << 24U) | (std::int64_t{b[1]} << 16U) | (std::int64_t{b[2]} << 8U) | std::int64_t{b[3]};
  }

  void require_end() {
    std::uint8_t extra = 0;
    if (read_some(&extra, 1) != 0) {
      --offset_;
      fail("expected the end of the file (the header promises no more), but there are more bytes");
    }
  }

  /// Throws an InputError with file and byte.
  [[noreturn]] void fail(const std::string& sentence) const { fail_at(offset_, sentence); }
  [[noreturn]] void fail_at(std::int64_t offset, const std::string& sentence) const {
    throw InputError(cat(path_, ", byte ", offset, ": ", sentence));
  }

 private:
  /// Bytes read, fewer than wanted only at the end of the file.
  std::size_t read_some(std::uint8_t* to, std::size_t wanted) {
    const int got = gzread(file_.get(), to, static_cast<unsigned>(wanted));
    int code = Z_OK;
    const char* text = gzerror(file_.get(), &code);
    const bool ends_later = code == Z_BUF_ERROR && got == static_cast<int>(wanted);  // zlib looks ahead: these bytes are good
    if (got < 0 || (code != Z_OK && code != Z_STREAM_END && !ends_later)) {
      offset_ += std::max(got, 0);
      fail(cat("damaged gzip file (", code == Z_BUF_ERROR ? "it ends too early" : text, "); fetch it again"));
    }
    offset_ += got;
    return static_cast<std::size_t>(got);
  }

  struct Close {
    void operator()(gzFile_s* file) const { gzclose_r(file); }
  };
  std::string path_;
  std::unique_ptr<gzFile_s, Close> file_;
  std::int64_t offset_ = 0;
};

/// Reads magic number and extents.
std::vector<std::int64_t> read_header(IdxFile& file, int dimensions, std::string_view kind) {
  const std::int64_t magic = file.number("the magic number");
  const std::int64_t expected = 0x800 + dimensions;
  if (magic != expected) file.fail_at(0, cat("magic number ", magic, ", expected ", expected, " (", kind, " as unsigned bytes)"));
  std::vector<std::int64_t> extents;
  constexpr std::array<std::string_view, 3> kNames = {"the number of items", "the number of rows", "the number of columns"};
  for (std::size_t d = 0; d < static_cast<std::size_t>(dimensions); ++d) {
    extents.push_back(file.number(kNames.at(d)));
    const std::int64_t largest = d == 0 ? 1 << 30 : 1 << 16;
    if (extents.back() < 1 || extents.back() > largest)
      file.fail_at(file.offset() - 4, cat(kNames.at(d), " is ", extents.back(), ", expected 1 to ", largest));
  }
  return extents;
}

/// The file of this name in the folder, plain or with .gz.
fs::path find_file(const fs::path& folder, const std::string& name) {
  for (const std::string& candidate : {name, name + ".gz"}) {
    std::error_code failed;
    const fs::file_status status = fs::status(folder / candidate, failed);
    if (status.type() == fs::file_type::none)
      throw InputError(cat("cannot open '", (folder / candidate).string(), "': ", failed.message()));
    if (fs::is_regular_file(status)) return folder / candidate;
  }
  throw InputError(
      cat("no '", name, "' or '", name, ".gz' in folder '", folder.string(),
          "'; a folder of the MNIST family holds train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and "
          "t10k-labels-idx1-ubyte; or use --data synthetic"));
}

}  // namespace

Dataset read_idx_images(const fs::path& images) {
  IdxFile file(images);
  const std::vector<std::int64_t> extents = read_header(file, 3, "images");
  Dataset data{.name = images.filename().string(),
               .image = {1, 1, static_cast<int>(extents[1]), static_cast<int>(extents[2])},
               .pixels = file.read(extents[0] * extents[1] * extents[2], "pixels"),
               .labels = {}};
  file.require_end();
  return data;
}

Dataset read_idx_pair(const fs::path& images, const fs::path& labels, const std::string& name, int classes) {
  IdxFile image_file(images);
  const std::vector<std::int64_t> extents = read_header(image_file, 3, "images");
  IdxFile label_file(labels);
  const std::int64_t label_count = read_header(label_file, 1, "labels").front();
  if (label_count != extents[0])
    label_file.fail_at(
        4, cat("there are ", label_count, " labels, expected ", extents[0], ", as many as images in '", images.string(), "'"));

  Dataset data{.name = name,
               .image = {1, 1, static_cast<int>(extents[1]), static_cast<int>(extents[2])},
               .classes = classes,
               .pixels = image_file.read(extents[0] * extents[1] * extents[2], "pixels"),
               .labels = {}};
  image_file.require_end();
  const std::int64_t first_label = label_file.offset();
  const std::vector<std::uint8_t> bytes = label_file.read(label_count, "labels");
  label_file.require_end();
  for (std::size_t i = 0; i < bytes.size(); ++i)
    if (bytes[i] >= classes)
      label_file.fail_at(first_label + static_cast<std::int64_t>(i),
                         cat("label ", static_cast<int>(bytes[i]), ", expected 0 to ", classes - 1));
  data.labels.assign(bytes.begin(), bytes.end());
  return data;
}

TrainingData read_idx_folder(const fs::path& folder, const std::string& name, int classes) {
  require(classes > 0, "read_idx_folder", classes, " classes");
  if (!fs::is_directory(folder)) throw InputError(cat("'", folder.string(), "' is not a folder"));
  const auto pair = [&](const std::string& part) {
    const fs::path images = find_file(folder, part + "-images-idx3-ubyte");
    const fs::path labels = find_file(folder, part + "-labels-idx1-ubyte");
    return read_idx_pair(images, labels, name + (part == "train" ? " train" : " test"), classes);
  };
  TrainingData data{.train = pair("train"), .test = pair("t10k")};
  if (data.train.image != data.test.image)
    throw InputError(cat("folder '", folder.string(), "': training images are ", to_string(data.train.image), ", test images ",
                         to_string(data.test.image), "; both must have the same size"));
  normalise(data);
  return data;
}

}  // namespace convoy
