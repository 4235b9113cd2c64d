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
#include <utility>

#include "reference/core/error.h"

namespace convoy {
namespace {

/// A new file with a unique name beside `path`, removed again unless it was renamed.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& path) : target_(path), name_(path + ".XXXXXX") {
    if (std::filesystem::is_directory(path)) throw InputError(cat("cannot write '", path, "': it is a folder"));
    descriptor_ = mkstemp(name_.data());
    if (descriptor_ < 0) fail();
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() {
    if (descriptor_ >= 0) close(descriptor_);
    if (!renamed_) unlink(name_.c_str());
  }

  void write(const std::string& text) {
    for (std::size_t done = 0; done < text.size();) {
      const ssize_t written = ::write(descriptor_, text.data() + done, text.size() - done);
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) fail();
      done += static_cast<std::size_t>(written);
    }
  }

  void rename_to_target() {
    const mode_t mask = umask(0);
    umask(mask);
    if (fchmod(descriptor_, 0666 & ~mask) != 0 || fsync(descriptor_) != 0) fail();
    if (close(std::exchange(descriptor_, -1)) != 0) fail();
    if (std::rename(name_.c_str(), target_.c_str()) != 0) fail();
    renamed_ = true;
  }

 private:
  [[noreturn]] void fail() const {
    const int reason = errno;
    if (!renamed_) unlink(name_.c_str());
    throw InputError(cat("cannot write '", target_, "': ", std::strerror(reason)));
  }

  std::string target_;
  std::string name_;
  int descriptor_ = -1;
  bool renamed_ = false;
};

}  // namespace

void require_writable(const std::string& path) {
  if (!path.empty() && path != "-") TemporaryFile file(path);  // made and removed again
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
  TemporaryFile file(path);
  file.write(text);
  file.rename_to_target();
}

}  // namespace convoy
