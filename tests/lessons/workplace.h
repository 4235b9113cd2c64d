/// Workplace: a folder of its own for a test, and programs run in it.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>

namespace convoy::testing {

/// What a program printed to stdout and stderr, and its exit code (-1: ended by a signal).
struct Answer {
  int exit_code = -1;
  std::string output;
  [[nodiscard]] bool says(const std::string& text) const { return output.find(text) != std::string::npos; }
};

class Workplace {
 public:
  Workplace() {
    std::string pattern = (std::filesystem::temp_directory_path() / "convoy-lessons-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("cannot make a temporary folder");
    folder_ = pattern;
  }
  ~Workplace() { std::filesystem::remove_all(folder_); }
  Workplace(const Workplace&) = delete;
  Workplace& operator=(const Workplace&) = delete;

  [[nodiscard]] std::string path(const std::string& name) const { return (folder_ / name).string(); }
  void write(const std::string& name, const std::string& text) const {
    std::filesystem::create_directories((folder_ / name).parent_path());
    std::ofstream out(folder_ / name);
    out << text;
    if (!out) throw std::runtime_error("cannot write " + name);
  }
  [[nodiscard]] std::string read(const std::string& name) const {
    std::ifstream in(folder_ / name);
    std::stringstream text;
    text << in.rdbuf();
    return text.str();
  }
  /// Runs a shell command in the folder.
  [[nodiscard]] Answer run(const std::string& command) const {
    std::FILE* pipe = popen(("cd '" + folder_.string() + "' && { " + command + "; } 2>&1").c_str(), "r");
    if (pipe == nullptr) throw std::runtime_error("cannot start a shell");
    Answer answer;
    for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) answer.output += static_cast<char>(c);
    const int status = pclose(pipe);
    if (WIFEXITED(status)) answer.exit_code = WEXITSTATUS(status);
    return answer;
  }

 private:
  std::filesystem::path folder_;
};

/// `text` with the first `from` replaced by `to`; throws when there is none, so that no test changes nothing.
inline std::string with(std::string text, const std::string& from, const std::string& to) {
  const std::size_t place = text.find(from);
  if (place == std::string::npos) throw std::runtime_error("the test's text has no '" + from + "'");
  return text.replace(place, from.size(), to);
}

}  // namespace convoy::testing
