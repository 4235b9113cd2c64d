#include "reference/io/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>
#include <utility>

#include "reference/core/error.h"

namespace convoy {
namespace {

[[noreturn]] void fail(const std::string& path, int reason) {
  throw InputError(cat("cannot write '", path, "': ", std::strerror(reason)));
}

constexpr const char* kUnfinished = ".unfinished-";  ///< then six letters: what a temporary file's name ends with

/// Writes all of the text; false with errno when that is not possible.
bool write_all(int descriptor, const std::string& text) {
  for (std::size_t done = 0; done < text.size();) {
    const ssize_t written = ::write(descriptor, text.data() + done, text.size() - done);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    done += static_cast<std::size_t>(written);
  }
  return true;
}

/// What a path leads to.
struct Target {
  std::string path;        ///< without symbolic links at its end
  bool is_stream = false;  ///< exists and is neither a regular file nor a folder
  int standard = -1;       ///< the standard stream that goes to the same place, -1: none
  mode_t mode = 0;         ///< permissions of the file that is there; 0: there is none
};

bool is_same_file(const struct stat& file, int descriptor) {
  struct stat other {};
  return fstat(descriptor, &other) == 0 && other.st_dev == file.st_dev && other.st_ino == file.st_ino;
}

/// Follows symbolic links, also to what is not there yet.
std::string without_links(const std::string& path) {
  std::filesystem::path target = path;
  std::error_code ignored;
  for (int i = 0; i < 40 && std::filesystem::is_symlink(target, ignored); ++i)
    target = target.parent_path() / std::filesystem::read_symlink(target, ignored);
  return target.string();
}

Target target_of(const std::string& path) {
  struct stat file {};
  if (stat(path.c_str(), &file) != 0) {
    if (errno != ENOENT) fail(path, errno);
    return {.path = without_links(path)};
  }
  if (S_ISDIR(file.st_mode)) throw InputError(cat("cannot write '", path, "': it is a folder"));
  Target target{.path = path, .is_stream = !S_ISREG(file.st_mode), .standard = -1, .mode = file.st_mode & 07777U};
  for (const int descriptor : {STDERR_FILENO, STDOUT_FILENO})
    if (is_same_file(file, descriptor)) target.standard = descriptor;
  if (!target.is_stream) target.path = without_links(path);
  return target;
}

/// Writes into what is there already: a pipe, a device or a standard stream.
void write_directly(const std::string& path, const Target& target, const std::string& text) {
  std::fflush(nullptr);  // what was printed before comes before it
  const int descriptor = target.standard >= 0 ? dup(target.standard) : open(target.path.c_str(), O_WRONLY | O_CLOEXEC);
  if (descriptor < 0) fail(path, errno);
  const int reason = write_all(descriptor, text) ? 0 : errno;
  const bool closed = close(descriptor) == 0;
  if (reason != 0 || !closed) fail(path, reason != 0 ? reason : errno);
}

/// A new file with a unique name beside `target`, removed again unless it was renamed.
class TemporaryFile {
 public:
  TemporaryFile(const std::string& path, const Target& target) : path_(path), target_(target), name_(target.path + kUnfinished + "XXXXXX") {
    descriptor_ = mkstemp(name_.data());
    if (descriptor_ < 0) fail(path_, errno);
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() {
    if (descriptor_ >= 0) close(descriptor_);
    if (!renamed_) unlink(name_.c_str());
  }

  void write(const std::string& text) const {
    if (!write_all(descriptor_, text)) fail(path_, errno);
  }

  void rename_to_target() {
    const mode_t mask = umask(0);
    umask(mask);
    const mode_t mode = target_.mode != 0 ? target_.mode : 0666 & ~mask;
    if (fchmod(descriptor_, mode) != 0 || fsync(descriptor_) != 0) fail(path_, errno);
    if (close(std::exchange(descriptor_, -1)) != 0) fail(path_, errno);
    if (std::rename(name_.c_str(), target_.path.c_str()) != 0) fail(path_, errno);
    renamed_ = true;
    sync_folder();
  }

 private:
  /// The new name, too, is on the disk when this returns. File systems that cannot do so for folders are not asked twice.
  void sync_folder() const {
    const std::filesystem::path folder = std::filesystem::path(target_.path).parent_path();
    const int descriptor = open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) return;
    const int reason = fsync(descriptor) == 0 ? 0 : errno;
    close(descriptor);
    if (reason != 0 && reason != EINVAL && reason != ENOTSUP) fail(path_, reason);
  }

  std::string path_;  ///< as it was typed
  Target target_;
  std::string name_;
  int descriptor_ = -1;
  bool renamed_ = false;
};

}  // namespace

void require_writable(const std::string& path) {
  if (path.empty() || path == "-") return;
  const Target target = target_of(path);
  if (!target.is_stream && target.standard < 0) {
    TemporaryFile file(path, target);  // made and removed again
  } else if (target.standard < 0 && access(path.c_str(), W_OK) != 0) {
    fail(path, errno);
  }
}

std::string read_file(const std::string& path) {
  if (std::filesystem::is_directory(path)) throw InputError(cat("cannot read '", path, "': it is a folder"));
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file) throw InputError(cat("cannot read '", path, "': ", errno != 0 ? std::strerror(errno) : "empty or unreadable file"));
  return std::move(text).str();
}

void write_file_atomically(const std::string& path, const std::string& text) {
  const Target target = target_of(path);
  if (target.is_stream || target.standard >= 0) return write_directly(path, target, text);
  TemporaryFile file(path, target);
  file.write(text);
  file.rename_to_target();
}

void remove_unfinished(const std::string& path) {
  const std::filesystem::path target = without_links(path);
  const std::string begin = target.filename().string() + kUnfinished;
  std::error_code ignored;
  const std::filesystem::path folder = target.has_parent_path() ? target.parent_path() : std::filesystem::path(".");
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with(begin) && name.size() == begin.size() + 6) std::filesystem::remove(entry.path(), ignored);
  }
}

}  // namespace convoy
