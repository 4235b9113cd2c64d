#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <filesystem>

#include "reference/core/error.h"
#include "reference/io/file.h"
#include "tests/catch.h"
#include "tests/data/temporary_folder.h"

using namespace convoy;

namespace {

std::size_t entries(const std::filesystem::path& folder) {
  return static_cast<std::size_t>(
      std::distance(std::filesystem::directory_iterator(folder), std::filesystem::directory_iterator()));
}

template <class F>
std::string input_error(const F& f) {
  try {
    f();
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("a file is written whole, replaces the old one and leaves nothing else behind") {
  const TemporaryFolder folder;
  const std::string path = folder.file("a.json");
  write_file_atomically(path, "old");
  const std::string text = std::string(3'000'000, 'x') + "\n\0end";
  write_file_atomically(path, text);
  REQUIRE(read_file(path) == text);
  REQUIRE(entries(folder.path()) == 1);
}

TEST_CASE("a write that fails leaves the old file, no temporary file, and names the path") {
  const TemporaryFolder folder;
  SECTION("the folder does not exist") {
    const std::string path = folder.file("nowhere/a.json");
    const std::string message = input_error([&] { write_file_atomically(path, "new"); });
    REQUIRE(message.find("cannot write '" + path + "'") == 0);
  }
  SECTION("the path is a folder") {
    std::filesystem::create_directory(folder.path() / "a.json");
    REQUIRE(input_error([&] { write_file_atomically(folder.file("a.json"), "new"); }).find("it is a folder") !=
            std::string::npos);
    REQUIRE(entries(folder.path()) == 1);
  }
  SECTION("the disk is full or the size is limited") {
    const std::string path = folder.file("a.json");
    write_file_atomically(path, "old");
    // A child process whose files may have 64 KiB at most: the write of 1 MB stops half way.
    const std::string limited = "(ulimit -f 64; trap '' XFSZ; '" + std::filesystem::read_symlink("/proc/self/exe").string() +
                                "' '[limited write]' > /dev/null 2>&1)";
    setenv("CONVOY_TEST_LIMITED_PATH", path.c_str(), 1);
    REQUIRE(std::system(limited.c_str()) == 0);
    unsetenv("CONVOY_TEST_LIMITED_PATH");
    REQUIRE(read_file(path) == "old");
    REQUIRE(entries(folder.path()) == 1);
  }
}

TEST_CASE("a helper of the test before: a write beyond the limit is an InputError", "[.][limited write]") {
  const char* path = std::getenv("CONVOY_TEST_LIMITED_PATH");
  REQUIRE(path != nullptr);
  REQUIRE(input_error([&] { write_file_atomically(path, std::string(1'000'000, 'x')); }).find("cannot write") == 0);
}

TEST_CASE("reading a file that is not there names it") {
  REQUIRE(input_error([] { read_file("/nowhere/b.json"); }).find("cannot read '/nowhere/b.json'") == 0);
  const TemporaryFolder folder;
  REQUIRE(input_error([&] { read_file(folder.path().string()); }).find("it is a folder") != std::string::npos);
  write_file_atomically(folder.file("empty"), "");
  REQUIRE(read_file(folder.file("empty")).empty());
}

TEST_CASE("whether a file can be written is known beforehand, and trying leaves nothing behind") {
  const TemporaryFolder folder;
  write_file_atomically(folder.file("a.json"), "old");
  require_writable(folder.file("a.json"));
  require_writable(folder.file("b.json"));
  require_writable("");
  require_writable("-");
  REQUIRE(entries(folder.path()) == 1);
  REQUIRE(read_file(folder.file("a.json")) == "old");
  REQUIRE(input_error([&] { require_writable(folder.file("nowhere/a.json")); }).find("cannot write '") == 0);
  REQUIRE(input_error([&] { require_writable(folder.path().string()); }).find("it is a folder") != std::string::npos);
}

TEST_CASE("a link is followed: the file that it names is replaced, and the link stays") {
  const TemporaryFolder folder;
  namespace fs = std::filesystem;
  fs::create_directory(folder.path() / "inner");
  fs::create_symlink("inner/a.json", folder.path() / "link");  // to a file that is not there yet
  fs::create_symlink("link", folder.path() / "second");
  for (const std::string text : {"first", "then"}) {
    require_writable(folder.file("second"));
    write_file_atomically(folder.file("second"), text);
    REQUIRE(read_file(folder.file("inner/a.json")) == text);
    REQUIRE(fs::is_symlink(folder.path() / "second"));
    REQUIRE(fs::is_symlink(folder.path() / "link"));
    REQUIRE(entries(folder.path()) == 3);
    REQUIRE(entries(folder.path() / "inner") == 1);
  }
}

TEST_CASE("a pipe is written to and stays a pipe") {
  const TemporaryFolder folder;
  const std::string path = folder.file("pipe"), link = folder.file("link");
  REQUIRE(mkfifo(path.c_str(), 0600) == 0);
  std::filesystem::create_symlink(path, link);
  const int reader = open(path.c_str(), O_RDONLY | O_NONBLOCK);
  REQUIRE(reader >= 0);
  for (const std::string& name : {path, link}) {
    CAPTURE(name);
    require_writable(name);
    write_file_atomically(name, "hello");
    REQUIRE(std::filesystem::is_fifo(path));
    REQUIRE(std::filesystem::is_symlink(link));
    std::array<char, 16> bytes{};
    REQUIRE(read(reader, bytes.data(), bytes.size()) == 5);
    REQUIRE(std::string(bytes.data()) == "hello");
  }
  close(reader);
  REQUIRE(entries(folder.path()) == 2);
}

TEST_CASE("the file that standard output goes to is added to, not replaced") {
  const TemporaryFolder folder;
  const std::string path = folder.file("out.txt");
  std::fflush(stdout);
  const int saved = dup(STDOUT_FILENO);
  const int file = open(path.c_str(), O_WRONLY | O_CREAT, 0600);
  dup2(file, STDOUT_FILENO);
  std::printf("before ");
  write_file_atomically(path, "json ");
  std::printf("after");
  std::fflush(stdout);
  dup2(saved, STDOUT_FILENO);
  close(saved);
  close(file);
  REQUIRE(read_file(path) == "before json after");
}

TEST_CASE("a file keeps its permissions when it is replaced") {
  const TemporaryFolder folder;
  const std::string path = folder.file("secret.json");
  write_file_atomically(path, "old");
  REQUIRE(chmod(path.c_str(), 0600) == 0);
  write_file_atomically(path, "new");
  struct stat file {};
  REQUIRE(stat(path.c_str(), &file) == 0);
  REQUIRE((file.st_mode & 0777U) == 0600U);
}
