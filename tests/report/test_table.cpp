#include "simulator/report/table.h"

#include <stdexcept>

#include "tests/catch.h"

using namespace convoy;

TEST_CASE("a table is as wide as its widest cells and leaves no blanks at the ends of lines") {
  Table table({{"name", Align::left}, {"time\n(us)"}, {"note", Align::left}});
  table.add_row({"a", "1234567", ""});
  table.add_rule();
  table.add_row({"longer", "5", "x"});
  CHECK(table.to_string() ==
        "           time\n"
        "name       (us)  note\n"
        "---------------------\n"
        "a       1234567\n"
        "---------------------\n"
        "longer        5  x\n");
}

TEST_CASE("a table without headers is its rows") {
  Table table({{"", Align::left}, {""}});
  table.add_row({"step", "1 s"});
  table.add_row({"images", "12 s"});
  CHECK(table.to_string() == "step     1 s\nimages  12 s\n");
}

TEST_CASE("a row with another number of cells is refused") {
  Table table({{"a"}, {"b"}});
  CHECK_THROWS_AS(table.add_row({"1"}), std::invalid_argument);
  CHECK_THROWS_AS(table.add_row({"1", "2", "3"}), std::invalid_argument);
}

TEST_CASE("percentages have one decimal and, where asked, their sign") {
  CHECK(format_percent(0.1234) == "12.3 %");
  CHECK(format_signed_percent(0.05) == "+5.0 %");
  CHECK(format_signed_percent(-0.125) == "-12.5 %");
}
