#include "reference/core/error.h"
#include "reference/io/csv.h"
#include "tests/catch.h"

using namespace convoy;

namespace {

std::string refusal(const std::string& text) {
  try {
    parse_csv(text, "t.csv");
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("csv: quotes, line endings, missing cells and places", "[csv]") {
  const CsvTable table = parse_csv("\xEF\xBB\xBFid,text,n\r\na,\"x, \"\"y\"\"\nz\",2.5\r\n\r\nb\n", "t.csv");
  REQUIRE(table.columns == std::vector<std::string>{"id", "text", "n"});
  REQUIRE(table.rows.size() == 2);
  CHECK(table.text(0, "text") == "x, \"y\"\nz");
  CHECK(table.number(0, "n") == 2.5);
  CHECK(table.text(1, "id") == "b");
  CHECK(table.text(1, "text").empty());
  CHECK_FALSE(table.number(1, "n").has_value());
  CHECK(table.text(0, "no such column").empty());
  CHECK(table.place(1, "id") == "t.csv, line 5, column 1");
  CHECK(csv_cell(table.text(0, "text")) == "\"x, \"\"y\"\"\nz\"");
}

TEST_CASE("csv: what is broken is refused with line and column", "[csv]") {
  CHECK(refusal("").find("line 1, column 1") != std::string::npos);
  CHECK(refusal("a,b\n1,2,3\n").find("line 2, column 5") != std::string::npos);
  CHECK(refusal("a,b\n1,\"2\n").find("line 2, column 3") != std::string::npos);
  CHECK(refusal("a,b\n1,2\"\n").find("line 2, column 4") != std::string::npos);
  CHECK(refusal("a,a\n").find("line 1, column 3") != std::string::npos);
  const CsvTable table = parse_csv("a,b\n1,nan\n2,1e5x\n", "t.csv");
  for (const std::size_t row : {0U, 1U}) {
    CHECK_THROWS_AS(table.number(row, "b"), InputError);
  }
}

TEST_CASE("csv: no text of a few letters does anything but parse or throw InputError", "[csv][fuzz]") {
  const std::string letters = "a,\"\n\r";
  for (int code = 0; code < 5 * 5 * 5 * 5 * 5 * 5; ++code) {
    std::string text = "h\n";
    for (int rest = code, i = 0; i < 6; ++i, rest /= 5) text += letters[static_cast<std::size_t>(rest % 5)];
    try {
      parse_csv(text, "t.csv");
    } catch (const InputError& error) {
      if (std::string(error.what()).find("t.csv, line ") != 0) FAIL("no place in '" << error.what() << "' for " << text);
    }
  }
}
