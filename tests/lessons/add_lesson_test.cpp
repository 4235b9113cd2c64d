// run_check.cmake and the checks that add_lesson makes when configuring: they must notice a check that is too kind, or too
// strict.
#include "tests/catch.h"
#include "tests/lessons/workplace.h"

using namespace convoy::testing;

namespace {

/// Runs run_check.cmake with a check that is a shell script.
Answer run_check(const std::string& script, const std::string& solution = "", const std::string& name = "wrong.cpp") {
  const Workplace folder;
  folder.write("check", "#!/bin/sh\n" + script + "\n");
  if (!solution.empty()) folder.write(name, solution);
  const std::string source = solution.empty() ? "" : "-DSOURCE=" + folder.path(name);
  return folder.run("chmod +x check && " CMAKE " -DPROGRAM=" + folder.path("check") + " " + source +
                    " -P '" CONVOY_SOURCE_DIR "/lessons/run_check.cmake'");
}

/// Configures a project in which add_lesson looks at a lesson's files.
Answer look_at_lesson(const Workplace& folder) {
  folder.write("CMakeLists.txt", "cmake_minimum_required(VERSION 3.25)\nproject(test NONE)\ninclude(\"" CONVOY_SOURCE_DIR
                                 "/scripts/cmake/ConvoyLesson.cmake\")\nconvoy_lesson_files(wrong \"${CMAKE_SOURCE_DIR}/01_x\")\n"
                                 "list(LENGTH wrong count)\nmessage(STATUS \"found ${count} wrong ones\")\n");
  return folder.run(CMAKE " -G Ninja -S . -B build");
}

void write_lesson(const Workplace& folder) {
  for (const char* file : {"README.md", "main.cpp", "check.cpp", "solution/right.cpp"})
    folder.write(std::string("01_x/") + file, "\n");
  folder.write("01_x/exercise.cpp", "// expect: nothing written yet\n");
  folder.write("01_x/wrong/half.cpp", "// expect: that is half\n");
  folder.write("01_x/wrong/bits.cpp", "// expect: those are bits\n");
  folder.write("01_x/wrong/all.cpp", "// expect: that is everything\n");
}

/// CMake breaks lines of messages where it likes.
std::string in_one_line(std::string text) {
  std::string out;
  for (const char c : text)
    if (c != '\n' && c != ' ')
      out += c;
    else if (!out.empty() && out.back() != ' ')
      out += ' ';
  return out;
}

}  // namespace

TEST_CASE("the right solution must pass its check") {
  REQUIRE(run_check("echo passed").exit_code == 0);
  REQUIRE(run_check("echo passed; exit 1").exit_code != 0);
  REQUIRE(run_check("echo all is well").exit_code != 0);
  REQUIRE(run_check("echo not passed").exit_code != 0);
  REQUIRE(run_check("kill -9 $$").exit_code != 0);
}

TEST_CASE("a wrong solution must be rejected with the message that it names") {
  const std::string solution = "// expect: that is half\n";
  REQUIRE(run_check("echo not yet: that is half; exit 1", solution).exit_code == 0);

  const Answer kind = run_check("echo that is half; echo passed", solution);
  REQUIRE(kind.exit_code != 0);
  REQUIRE(in_one_line(kind.output).find("The check passed wrong.cpp, which is wrong") != std::string::npos);

  const Answer other = run_check("echo not yet: those are bits; exit 1", solution);
  REQUIRE(other.exit_code != 0);
  REQUIRE(in_one_line(other.output).find("for another reason. Expected: that is half") != std::string::npos);

  REQUIRE(run_check("echo that is half; kill -9 $$", solution).exit_code != 0);
  REQUIRE(run_check("echo that is half; exit 2", solution).exit_code != 0);
  REQUIRE(run_check("echo not yet; exit 1", "// that is half\n").exit_code != 0);
}

TEST_CASE("a solved exercise is told so, with the way back") {
  const Answer answer = run_check("echo passed", "// expect: nothing written yet\n", "exercise.cpp");
  REQUIRE(answer.exit_code != 0);
  REQUIRE(in_one_line(answer.output).find("exercise.cpp is solved. Well done!") != std::string::npos);
  REQUIRE(answer.says("git restore"));
}

TEST_CASE("a whole lesson is accepted") {
  const Workplace folder;
  write_lesson(folder);
  const Answer answer = look_at_lesson(folder);
  INFO(answer.output);
  REQUIRE(answer.exit_code == 0);
  REQUIRE(answer.says("found 3 wrong ones"));
}

TEST_CASE("a lesson without all its files is refused") {
  for (const char* file : {"README.md", "main.cpp", "exercise.cpp", "check.cpp", "solution/right.cpp"}) {
    CAPTURE(file);
    const Workplace folder;
    write_lesson(folder);
    std::filesystem::remove(folder.path(std::string("01_x/") + file));
    const Answer answer = look_at_lesson(folder);
    INFO(answer.output);
    CHECK(answer.exit_code != 0);
    CHECK(in_one_line(answer.output).find(std::string("01_x has no ") + file) != std::string::npos);
  }
}

TEST_CASE("a lesson needs three wrong solutions, each with a message of its own") {
  const Workplace folder;
  write_lesson(folder);
  SECTION("two are too few") {
    std::filesystem::remove(folder.path("01_x/wrong/all.cpp"));
    const Answer answer = look_at_lesson(folder);
    REQUIRE(answer.exit_code != 0);
    REQUIRE(in_one_line(answer.output).find("has 2 wrong solutions in wrong/") != std::string::npos);
  }
  SECTION("one without a message") {
    folder.write("01_x/wrong/all.cpp", "int x;\n");
    const Answer answer = look_at_lesson(folder);
    REQUIRE(answer.exit_code != 0);
    REQUIRE(in_one_line(answer.output).find("should be '// expect: <message of the check>', found 'int x;'") !=
            std::string::npos);
  }
  SECTION("two with one message") {
    folder.write("01_x/wrong/all.cpp", "// expect: that is half of it\n");
    const Answer answer = look_at_lesson(folder);
    REQUIRE(answer.exit_code != 0);
    REQUIRE(in_one_line(answer.output).find("Every solution needs a message of its own") != std::string::npos);
  }
}
