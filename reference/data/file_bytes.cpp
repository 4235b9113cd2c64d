#include "reference/data/file_bytes.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>

#include "reference/core/error.h"

namespace convoy {

void read_bytes(const std::string& path, std::vector<std::byte>& into) {
  const auto fail = [&](int reason) { throw InputError(cat("cannot read '", path, "': ", std::strerror(reason))); };
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) throw InputError(cat("cannot read '", path, "': it is a folder"));
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"), std::fclose);
  if (!file) fail(errno);
  into.clear();
  constexpr std::size_t kBlock_bytes = std::size_t{1} << 16U;
  for (std::size_t got = kBlock_bytes; got == kBlock_bytes;) {
    const std::size_t before = into.size();
    into.resize(before + kBlock_bytes);
    got = std::fread(into.data() + before, 1, kBlock_bytes, file.get());
    into.resize(before + got);
  }
  if (std::ferror(file.get()) != 0) fail(errno);
}

std::vector<std::byte> read_bytes(const std::string& path) {
  std::vector<std::byte> bytes;
  read_bytes(path, bytes);
  return bytes;
}

}  // namespace convoy
