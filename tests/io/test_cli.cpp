#include "reference/io/cli.h"

#include <unistd.h>

#include "reference/io/host.h"
#include "tests/catch.h"

using namespace convoy;

namespace {

struct Outcome {
  int code = 0;
  std::string message;  ///< on stderr
};

/// Runs a small program with two verbs and catches what it writes to stderr.
Outcome run(std::vector<const char*> words, int* ranks_seen = nullptr) {
  CLI::App app{"A test", "tool"};
  app.require_subcommand(1);
  int ranks = 0;
  CLI::App* train = add_verb(app, "train", "Trains a network", {"tool train", "tool train --ranks 2"});
  train->add_option("--ranks", ranks, "How many");
  train->add_flag("--quick");
  train->callback([&] {
    if (ranks == 0) throw InputError("ranks is 0");
    if (ranks == 1) throw LimitError("too small a machine");
    if (ranks == 2) throw std::runtime_error("broken");
    if (ranks_seen != nullptr) *ranks_seen = ranks;
  });
  add_verb(app, "profile", "Measures", {"tool profile", "tool profile --all"});
  words.insert(words.begin(), "tool");

  std::FILE* file = std::tmpfile();
  std::fflush(stderr);
  const int saved = dup(2);
  dup2(fileno(file), 2);
  Outcome outcome{.code = run_cli(app, static_cast<int>(words.size()), words.data()), .message = ""};
  std::fflush(stderr);
  dup2(saved, 2);
  close(saved);
  std::rewind(file);
  for (int c = std::fgetc(file); c != EOF; c = std::fgetc(file)) outcome.message += static_cast<char>(c);
  std::fclose(file);
  return outcome;
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("exit codes say whose mistake it was") {
  int seen = 0;
  REQUIRE(run({"train", "--ranks", "3"}, &seen).code == 0);
  REQUIRE(seen == 3);
  REQUIRE(run({"train", "--ranks", "0"}).code == 2);
  REQUIRE(run({"train", "--ranks", "1"}).code == 3);
  REQUIRE(run({"train", "--ranks", "2"}).code == 1);
  REQUIRE(run({"train", "--ranks", "many"}).code == 2);
  REQUIRE(run({"train", "--ranks"}).code == 2);
  REQUIRE(run({}).code == 2);
  REQUIRE(contains(run({"train", "--ranks", "0"}).message, "tool: ranks is 0"));
}

TEST_CASE("a misspelt option or verb is answered with the nearest") {
  Outcome outcome = run({"train", "--rnaks", "3"});
  CAPTURE(outcome.message);
  CHECK(outcome.code == 2);
  CHECK(contains(outcome.message, "unknown option '--rnaks'; did you mean '--ranks'?"));
  CHECK(contains(run({"train", "--rank=3"}).message, "unknown option '--rank'; did you mean '--ranks'?"));
  CHECK(contains(run({"train", "--ranks", "3", "--qiuck"}).message, "did you mean '--quick'?"));
  CHECK(contains(run({"trian", "--ranks", "3"}).message, "unknown verb 'trian'; did you mean 'train'?"));
  CHECK(run({"trian"}).code == 2);
  CHECK_FALSE(contains(run({"train", "--zzzzzzzz"}).message, "did you mean"));
  CHECK(contains(run({"train", "--zzzzzzzz"}).message, "unknown option '--zzzzzzzz'"));
}

TEST_CASE("the help of a verb begins with its examples, and the list of verbs has one line for each") {
  CLI::App app{"A test", "tool"};
  CLI::App* verb = add_verb(app, "train", "Trains a network", {"tool train", "tool train --ranks 2"});
  app.formatter(std::make_shared<ExamplesFormatter>());
  const std::string help = verb->help();
  CAPTURE(help);
  CHECK(help.find("Examples:\n  tool train\n  tool train --ranks 2\n") == 0);
  CHECK(contains(help, "Trains a network"));
  CHECK(contains(app.help(), "  train         Trains a network\n"));
  CHECK_FALSE(contains(app.help(), "Examples"));
}

TEST_CASE("a command line is written as it can be typed again") {
  const std::vector<const char*> words = {"/some/where/tool", "train", "--data", "my folder", ""};
  REQUIRE(command_line(static_cast<int>(words.size()), words.data()) == "tool train --data 'my folder' ''");
}

TEST_CASE("the host is known") {
  const Host host = this_host();
  REQUIRE(host.cores >= 1);
  REQUIRE(host.memory_bytes > 1'000'000);
  REQUIRE_FALSE(host.cpu_model.empty());
  REQUIRE(today().size() == 20);
  REQUIRE_FALSE(tool_version().empty());
}
