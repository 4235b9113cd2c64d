// The checker of lesson texts: what it accepts, and that every kind of mistake is found, with a message that helps.
#include "tests/catch.h"
#include "tests/lessons/workplace.h"

using namespace convoy::testing;

namespace {

const std::string kCode = R"(int main() {
  // [ring]
  const int ranks = 4;
  // [inner]
  if (ranks > 1)
    run(ranks);
  // [/inner]
  // [/ring]
}
)";

const std::string kValues = R"(ring_ms 17.96
step_ms 4.2
[table]
  ranks  time
      2  1.5 ms
[/table]
[clock]
took 9 ms
[/clock]
)";

const std::string kText = R"(# Lesson 7 on 3 things

## Why
It takes <!--v:ring_ms-->17.96<!--/v--> ms for LeNet-5, VGG-16 and ResNet50_v1.5 on V100 in fp32 (Patarasuk and Yuan, 2009).
1. Inline code is free: `2(n-1)`, and so are [links](page-12.html).

## Predict
<!-- code: ring -->
```cpp
const int ranks = 4;
if (ranks > 1)
  run(ranks);
```

## Run
```sh
sleep 1
```

## Look
<!-- output: table -->
```text
ranks  time
    2  1.5 ms
```

## Change it
As recorded on 2026-11-23, a step took
<!--m:step_ms-->3.9<!--/m--> ms.

<!-- recorded: clock -->
```text
took 8 ms
```

## Check
)";

/// Checks a text; `options` may be --update.
struct Lesson {
  Workplace folder;
  Lesson(const std::string& text, const std::string& code = kCode, const std::string& values = kValues) {
    folder.write("README.md", text);
    folder.write("main.cpp", code);
    folder.write("values.txt", values);
  }
  [[nodiscard]] Answer check(const std::string& options = "") const {
    return folder.run(std::string(CHECK_TEXT) + " --text README.md --code main.cpp --values values.txt " + options);
  }
};

/// One change to the text that used to be right must be found, at its line.
void finds(const std::string& from, const std::string& to, const std::string& message,
           const std::string& count = "1 thing is wrong") {
  const Answer answer = Lesson(with(kText, from, to)).check();
  INFO(answer.output);
  CHECK(answer.exit_code == 1);
  CHECK(answer.says(message));
  CHECK(answer.says(count));
}

}  // namespace

TEST_CASE("a text that agrees with its program is accepted") {
  const Answer answer = Lesson(kText).check();
  INFO(answer.output);
  REQUIRE(answer.exit_code == 0);
  REQUIRE(answer.says("agrees"));
}

TEST_CASE("a value that the program does not write like this is found") {
  finds("17.96", "17.97", "README.md:4: value 'ring_ms': expected 17.96 (the program writes it), found 17.97");
  finds("17.96", "17.960", "expected 17.96");
  finds("17.96", "", "found nothing");
}

TEST_CASE("a value that the program does not write at all is found") {
  finds("v:ring_ms", "v:rong_ms", "README.md:4: value 'rong_ms': the program writes no such value; it writes: ring_ms, step_ms");
  const Answer answer = Lesson(kText, kCode, with(kValues, "step_ms 4.2\n", "")).check();
  REQUIRE(answer.exit_code == 1);
  REQUIRE(answer.says("value 'step_ms': the program writes no such value"));
}

TEST_CASE("a bare number is found") {
  for (const char* number : {"18", "17.96", "1,000", "2-core", "10GbE", "16,384-rank", "2026", "3rd"}) {
    CAPTURE(number);
    finds("Inline code is free", std::string(number) + " is free", "README.md:5: bare number '" + std::string(number) + "'");
  }
}

TEST_CASE("a marker that is not closed, or holds more than its value, is found") {
  const Answer open = Lesson(with(kText, "<!--/v-->", "")).check();
  REQUIRE(open.exit_code == 1);
  REQUIRE(open.says("README.md:4: '<!--v:' without '<!--/v-->' on the same line"));
  finds("17.96<!--/v--> ms", "17.96 ms or 20<!--/v-->", "found 17.96 ms or 20");
  finds("`2(n-1)`", "`2(n-1)", "README.md:5: inline code must end on the line", "2 things are wrong");
}

TEST_CASE("code that has drifted from the program is found") {
  finds("ranks = 4", "ranks = 8",
        "README.md:10: code 'ring' is not what main.cpp has: expected 'const int ranks = 4;', found 'const int ranks = 8;'");
  finds("  run(ranks);\n", "",
        "README.md:12: code 'ring' is not what main.cpp has: expected '  run(ranks);', found the end of the block");
  finds("  run(ranks);\n", "  run(ranks);\nmore();\n", "expected the end of the block, found 'more();'");
  finds("code: ring", "code: rong", "README.md:8: code 'rong': main.cpp has no such block; there are: inner, ring");
  const Answer answer = Lesson(kText, with(kCode, "ranks = 4", "ranks = 5")).check();
  REQUIRE(answer.exit_code == 1);
  REQUIRE(answer.says("expected 'const int ranks = 5;', found 'const int ranks = 4;'"));
}

TEST_CASE("output that has drifted from the program is found") {
  finds("2  1.5 ms", "2  1.6 ms",
        "README.md:24: output 'table' is not what the program has: expected '    2  1.5 ms', found '    2  1.6 ms'");
  finds("output: table", "output: tables", "output 'tables': the program has no such block");
}

TEST_CASE("a block that nothing holds to the program is found") {
  finds("<!-- output: table -->\n", "", "a fenced block that is neither commands");
  finds("```sh", "```text", "a fenced block that is neither commands");
  finds("<!-- code: ring -->\n", "<!-- code: ring -->\n\n", "code 'ring': the next line must open a fenced block",
        "2 things are wrong");
}

TEST_CASE("measured values may differ, and must be labelled, finite and positive") {
  finds("As recorded on", "As seen on",
        "README.md:29: measured value 'step_ms': its paragraph must say when and where it was recorded", "2 things are wrong");
  finds(">3.9<", ">nan<", "measured value 'step_ms': expected a number above zero, found 'nan'");
  for (const char* value : {"nan", "inf", "-1", "0.0", "4.2x"}) {
    CAPTURE(value);
    const Answer answer = Lesson(kText, kCode, with(kValues, "step_ms 4.2", std::string("step_ms ") + value)).check();
    CHECK(answer.exit_code == 1);
    CHECK(answer.says("measured value 'step_ms': the program wrote '" + std::string(value) + "'"));
  }
  const Answer answer = Lesson(kText, kCode, with(kValues, "[clock]\ntook 9 ms\n[/clock]\n", "")).check();
  REQUIRE(answer.exit_code == 1);
  REQUIRE(answer.says("recorded 'clock': the program has no such block"));
}

TEST_CASE("a step that is missing or out of place, and a program that is too long, are found") {
  finds("## Check\n", "", "expected the heading '## Check', found the end");
  finds("## Look\n", "", "the heading 'Change it' is out of place");
  const Answer answer = Lesson(kText, kCode + std::string(150, '\n')).check();
  REQUIRE(answer.exit_code == 1);
  REQUIRE(answer.says("a lesson's program has fewer than 150 lines, this one has 159"));
}

TEST_CASE("--update writes values, code and output, and leaves what was measured") {
  const std::string old = with(with(with(kText, "17.96", "0"), "  run(ranks);\n", ""), "1.5 ms", "7 ms");
  const Lesson lesson(old);
  REQUIRE(lesson.check().exit_code == 1);
  REQUIRE(lesson.check("--update").exit_code == 0);
  REQUIRE(lesson.folder.read("README.md") == kText);
  REQUIRE(lesson.check("--record").exit_code == 0);
  REQUIRE(lesson.folder.read("README.md") == with(with(kText, "3.9", "4.2"), "took 8", "took 9"));
}

TEST_CASE("--update does not hide what it cannot put right") {
  const Answer answer = Lesson(with(kText, "Inline code is", "55 is")).check("--update");
  REQUIRE(answer.exit_code == 1);
  REQUIRE(answer.says("bare number '55'"));
}

TEST_CASE("files that cannot be used end the checker with 2") {
  REQUIRE(Lesson(kText).folder.run(CHECK_TEXT).exit_code == 2);
  const Answer missing =
      Lesson(kText).folder.run(std::string(CHECK_TEXT) + " --text README.md --code no.cpp --values values.txt");
  REQUIRE(missing.exit_code == 2);
  REQUIRE(missing.says("cannot read 'no.cpp'"));
  for (const auto& [code, message] :
       {std::pair<std::string, std::string>{with(kCode, "  // [/ring]\n", ""), "main.cpp:2: [ring] is never closed"},
        {with(kCode, "// [ring]", "// [inner]"), "main.cpp:4: a second [inner]"},
        {with(kCode, "  // [ring]\n", ""), "main.cpp:7: [/ring] without [ring] above it"}}) {
    const Answer answer = Lesson(kText, code).check();
    INFO(answer.output);
    CHECK(answer.exit_code == 2);
    CHECK(answer.says(message));
  }
  for (const auto& [values, message] :
       {std::pair<std::string, std::string>{"ring_ms\n" + kValues, "values.txt:1: expected 'name value'"},
        {kValues + "ring_ms 18\n", "values.txt:10: a second value 'ring_ms'"}}) {
    const Answer answer = Lesson(kText, kCode, values).check();
    INFO(answer.output);
    CHECK(answer.exit_code == 2);
    CHECK(answer.says(message));
  }
}
