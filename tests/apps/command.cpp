#include "tests/apps/command.h"

#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace convoy::command {
namespace {

/// A folder that is removed when the tests end.
class Folder {
 public:
  Folder() : path_(std::filesystem::temp_directory_path() / ("convoy-test-" + std::to_string(getpid()))) {
    std::filesystem::create_directories(path_);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

const Folder& folder() {
  static const Folder the_folder;
  return the_folder;
}

std::string quoted(const std::filesystem::path& path) {
  std::ostringstream text;
  text << '\'' << path.string() << '\'';
  return text.str();
}

}  // namespace

std::string path(const std::string& name) { return (folder().path() / name).string(); }

std::string read(const std::string& name) {
  std::ostringstream text;
  text << std::ifstream(path(name)).rdbuf();
  return text.str();
}

void write(const std::string& name, const std::string& text) { std::ofstream(path(name)) << text; }

bool built(const std::string& program) { return std::filesystem::exists(std::filesystem::path(CONVOY_BIN_DIR) / program); }

Result run(const std::string& arguments) {
  return run_line(quoted(std::filesystem::path(CONVOY_BIN_DIR) / "convoy") + " " + arguments);
}

Result run_train(const std::string& arguments) {
  return run_line(quoted(std::filesystem::path(CONVOY_BIN_DIR) / "convoy-train") + " " + arguments);
}

Result run_beside(const std::string& script, const std::string& arguments) {
  namespace fs = std::filesystem;
  const fs::path there = folder().path() / "beside";
  fs::create_directories(there);
  fs::copy_file(fs::path(CONVOY_BIN_DIR) / "convoy", there / "convoy", fs::copy_options::overwrite_existing);
  std::ofstream(there / "convoy-train") << "#!/bin/sh\n" << script << "\n";
  fs::permissions(there / "convoy-train", fs::perms::owner_all);
  return run_line(quoted(there / "convoy") + " " + arguments);
}

Result run_line(const std::string& words) {
  const std::string line = "cd " + quoted(folder().path()) + " && " + words + " > out.txt 2> err.txt";
  std::filesystem::remove(path("out.txt"));
  std::filesystem::remove(path("err.txt"));
  const int status = std::system(line.c_str());
  return {.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1, .out = read("out.txt"), .err = read("err.txt")};
}

}  // namespace convoy::command
