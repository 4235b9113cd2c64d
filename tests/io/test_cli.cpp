#include "reference/io/cli.h"

#include <fcntl.h>
#include <stdio_ext.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iostream>
#include <sstream>

#include "reference/core/error.h"
#include "reference/io/host.h"
#include "tests/catch.h"
#include "tests/data/temporary_folder.h"

using namespace convoy;

namespace {

struct Outcome {
  int code = 0;
  std::string message;  ///< on stderr
};

/// Runs a small program with two verbs and catches what it writes to stderr.
Outcome run(std::vector<const char*> words, int* ranks_seen = nullptr) {
  Verb app{"A test", "tool"};
  app.require_subcommand(1);
  int ranks = 0;
  Verb* train = add_verb(app, "train", "Trains a network", {"tool train", "tool train --ranks 2"});
  train->add_option("--ranks", ranks, "How many");
  std::int64_t seed = 0;
  train->add_option("--seed", seed, "Where random numbers begin");
  double rate = 0;
  train->add_option("--rate", rate, "How fast");
  bool quick = false;
  train->add_flag("--quick", quick);
  train->callback([&] {
    if (ranks == 0) throw InputError("ranks is 0");
    if (ranks == 1) throw LimitError("too small a machine");
    if (ranks == 2) throw std::runtime_error("broken");
    if (ranks == 5) throw std::bad_alloc();
    if (ranks == 6) std::printf("results\n");
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
  Verb app{"A test", "tool"};
  Verb* verb = add_verb(app, "train", "Trains a network", {"tool train", "tool train --ranks 2"});
  const std::string help = verb->help(100);
  CAPTURE(help);
  CHECK(help.find("Examples:\n  tool train\n  tool train --ranks 2\n") == 0);
  CHECK(contains(help, "Trains a network"));
  CHECK(contains(app.help(100), "  train         Trains a network\n"));
  CHECK_FALSE(contains(app.help(100), "Examples"));
}

TEST_CASE("the help has options below headings, in lines of a terminal's width, with their conditions") {
  Verb app{"A test", "tool"};
  Verb* verb = add_verb(app, "train", "Trains a network", {"tool train", "tool train --ranks 2"});
  int ranks = 0, batch = 0;
  std::string file;
  verb->begin_group("The step");
  std::string long_text;
  for (int i = 0; i < 40; ++i) long_text += "word ";
  verb->add_option("--ranks", ranks, long_text + "end.");
  Option* batch_option = verb->add_option("--batch", batch, "Images");
  verb->begin_group("Results");
  verb->add_option("--a-file-with-a-long-name", file, "Where it goes")->type_name("FILE")->excludes(batch_option);
  verb->begin_group("The step");
  verb->add_option("--plan", file, "How")->capture_default_str();
  verb->add_option("--refused", file, "Chosen by the verb");
  verb->hide("--refused");
  for (const int columns : {60, 100, 120}) {
    std::istringstream lines(verb->help(columns));
    std::size_t longest = 0;
    for (std::string line; std::getline(lines, line);) {
      longest = std::max(longest, line.size());
      CHECK((line.empty() || line.back() != ' '));
    }
    CHECK(longest <= static_cast<std::size_t>(columns));
    CHECK(longest > static_cast<std::size_t>(columns) - 5);  // words of four letters
  }
  const std::string help = verb->help(100);
  CAPTURE(help);
  CHECK_FALSE(contains(help, "--refused"));
  CHECK(contains(help, "\nThe step:\n  --ranks N                 word word"));
  CHECK(contains(help, "\n                            word word"));
  CHECK(contains(
      help, "end.\n  --batch N                 Images (not with --a-file-with-a-long-name)\n  --plan WORD               How\n"));
  CHECK(contains(help,
                 "\nResults:\n  --a-file-with-a-long-name FILE\n                            Where it goes (not with --batch)\n"));
}

TEST_CASE("help is a word too") {
  CHECK(with_help_option({"help", "train"}) == std::vector<std::string>{"train", "--help"});
  CHECK(with_help_option({"help"}) == std::vector<std::string>{"--help"});
  CHECK(with_help_option({"train", "help"}) == std::vector<std::string>{"train", "help"});
  CHECK(with_help_option({}).empty());
  CHECK(run({"help"}).code == 0);
  CHECK(run({"help", "train"}).code == 0);
  CHECK(contains(run({"help", "trian"}).message, "unknown verb 'trian'; did you mean 'train'?"));
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

TEST_CASE("results that standard output does not take are exit code 1") {
  const TemporaryFolder folder;
  std::ofstream(folder.file("read_only")) << "x";
  std::fflush(stdout);
  const int saved = dup(STDOUT_FILENO);
  const int unwritable = open(folder.file("read_only").c_str(), O_RDONLY);  // every write to it fails
  dup2(unwritable, STDOUT_FILENO);
  const Outcome lost = run({"train", "--ranks", "6"});
  __fpurge(stdout);
  std::clearerr(stdout);
  std::cout.clear();
  const Outcome silent = run({"train", "--ranks", "3"});  // which prints nothing, so nothing is lost
  close(unwritable);
  dup2(saved, STDOUT_FILENO);
  close(saved);
  CAPTURE(lost.message);
  REQUIRE(lost.code == 1);
  REQUIRE(contains(lost.message, "tool: cannot write the results to standard output"));
  REQUIRE(silent.code == 0);
}

TEST_CASE("too little memory is told as such") {
  const Outcome outcome = run({"train", "--ranks", "5"});
  REQUIRE(outcome.code == 1);
  REQUIRE(contains(outcome.message, "tool: not enough memory for this"));
}

TEST_CASE("a value of the wrong kind is named with what was expected") {
  CHECK(contains(run({"train", "--ranks", "abc"}).message, "--ranks is 'abc'; expected a whole number"));
  CHECK(contains(run({"train", "--ranks", "2.5"}).message, "--ranks is '2.5'; expected a whole number"));
  CHECK(contains(run({"train", "--ranks", "99999999999999999999"}).message, "expected a smaller number"));
  for (const char* seed : {"99999999999999999999", "+99999999999999999999", "-99999999999999999999", "0xFFFFFFFFFFFFFFFFFFFF",
                           "+0XFFFFFFFFFFFFFFFFFFFF", "0x8000000000000000", "9223372036854775808"})
    CHECK(contains(run({"train", "--seed", seed}).message, cat("--seed is '", seed, "'; expected a smaller number")));
  for (const char* seed : {"9223372036854775807", "+17", "-17", "0x7FFFFFFFFFFFFFFF"})
    CHECK(run({"train", "--seed", seed, "--ranks", "3"}).code == 0);
  CHECK(contains(run({"train", "--rate", "fast"}).message, "--rate is 'fast'; expected a number"));
}

TEST_CASE("a switch is on or off, and the nearest of the two is told") {
  REQUIRE(parse_on_off("--overlap", "on"));
  REQUIRE_FALSE(parse_on_off("--overlap", "off"));
  try {
    parse_on_off("--overlap", "ofd");
    FAIL("nothing was thrown");
  } catch (const InputError& error) {
    CHECK(contains(error.what(), "value of --overlap 'ofd'; did you mean 'off'?"));
  }
}
