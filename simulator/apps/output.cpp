#include "simulator/apps/output.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "reference/core/error.h"
#include "reference/io/file.h"
#include "reference/io/host.h"
#include "reference/io/json_fields.h"

namespace convoy {
namespace {

void print(std::FILE* file, const std::string& text) {
  if (std::fwrite(text.data(), 1, text.size(), file) != text.size() || std::fflush(file) != 0)
    throw std::runtime_error("cannot write the results to the terminal or pipe they go to");
}

std::string& typed_command() {
  static std::string command;
  return command;
}

/// What every result begins with, for those that do not say it themselves.
nlohmann::ordered_json with_header(const nlohmann::ordered_json& json) {
  const Host host = this_host();
  nlohmann::ordered_json whole = {
      {"version", tool_version()},
      {"command", typed_command()},
      {"date", today()},
      {"host", {{"cpu_model", host.cpu_model}, {"cores", host.cores}, {"memory_bytes", host.memory_bytes}}},
      {"seed", nullptr}};  // nothing here is drawn at random unless the result says so
  whole.update(json);
  return whole;
}

}  // namespace

std::string as_utf8(const std::string& text) {
  return json_or_nothing(json_text(nlohmann::json(text))).get<std::string>();
}

void remember_command(const std::string& command) { typed_command() = as_utf8(command); }

Option* add_result_file(Verb& verb, const std::string& option, std::string& file, const std::string& description) {
  const std::string first_name = option.substr(0, option.find(','));
  return verb.add_option(option, file, description)->type_name("FILE")->each([first_name](const std::string& path) {
    if (path == "-") throw InputError(cat(first_name, " takes a file, not -; only --json can write to standard output"));
    require_writable(path);
  });
}

void Output::add_to(Verb& verb) {
  verb.begin_group(kResultsHeading);
  verb.add_option("--json", json_file_, "Also write the results as JSON; - is stdout, the tables then go to stderr")
      ->type_name("FILE")
      ->each(require_writable);
}

void Output::text(const std::string& text) const { print(json_on_stdout() ? stderr : stdout, text); }

void Output::json(const nlohmann::ordered_json& json) const {
  require(json.contains("provenance"), "Output::json", "nothing says where the values are from");
  write(json_text(with_header(json), 2) + "\n");
}

void Output::write(const std::string& json) const {
  if (json_on_stdout()) {
    print(stdout, json);
  } else if (!json_file_.empty()) {
    write_file_atomically(json_file_, json);
    note("wrote " + json_file_);
  }
}

int Output::columns() const {
  winsize size{};
  const bool terminal = ioctl(json_on_stdout() ? STDERR_FILENO : STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return terminal ? size.ws_col : 100;
}

void note(const std::string& sentence) { std::fprintf(stderr, "%s\n", sentence.c_str()); }
void warn(const std::string& sentence) { std::fprintf(stderr, "warning: %s\n", sentence.c_str()); }

}  // namespace convoy
