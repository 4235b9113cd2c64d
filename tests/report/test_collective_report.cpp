#include "simulator/report/collective_report.h"

#include <nlohmann/json.hpp>

#include "reference/core/error.h"
#include "tests/catch.h"

using namespace convoy;

namespace {

const CollectiveCase kRingOfFour = {.kind = CollectiveKind::all_reduce, .algorithm = "ring", .ranks = 4, .chunks = 1};

}  // namespace

TEST_CASE("the columns of nccl-tests are arithmetic on bytes and time") {
  // 8 MB in 2 ms: algbw 4 GB/s; busbw times 2 * 3/4 = 6 GB/s.
  const std::vector<CollectiveRow> rows = {{.bytes = 8'000'000, .time_s = 2e-3, .formula_time_s = 1.5e-3, .wrong = {}},
                                           {.bytes = 4'000, .time_s = 10e-6, .formula_time_s = 9e-6, .wrong = 7}};
  CHECK(collective_table(kRingOfFour, rows) ==
        "size(B)    count   type  redop  time(us)  algbw(GB/s)  busbw(GB/s)  #wrong  formula(us)\n"
        "---------------------------------------------------------------------------------------\n"
        "8000000  2000000  float    sum   2000.00        4.000        6.000     N/A      1500.00\n"
        "   4000     1000  float    sum     10.00        0.400        0.600       7         9.00\n");
}

TEST_CASE("with one size the fields of a collective stand at the top of the JSON too") {
  const CollectiveRow row = {.bytes = 8'000'000, .time_s = 2e-3, .formula_time_s = 1.5e-3, .wrong = {}};
  const auto one = collective_json(kRingOfFour, {row});
  CHECK(one.at("time_s").get<double>() == 2e-3);
  CHECK(one.at("algbw_bytes_per_s").get<double>() == Approx(4e9));
  CHECK(one.at("busbw_bytes_per_s").get<double>() == Approx(6e9));
  CHECK(one.at("wrong").is_null());
  CHECK(one.at("sizes").size() == 1);
  const auto two = collective_json(kRingOfFour, {row, row});
  CHECK_FALSE(two.contains("time_s"));
  CHECK(two.at("sizes").at(1).at("formula_time_s").get<double>() == 1.5e-3);
  CollectiveRow counted = row;
  counted.wrong = 3;
  CHECK(collective_json(kRingOfFour, {counted}).at("wrong").get<int>() == 3);
}

TEST_CASE("the formula of a ring of four is six messages of a quarter of the buffer") {
  const LinkModel link{.latency_s = 1e-6, .bandwidth_bytes_per_s = 1e9};
  CHECK(formula_time_s(kRingOfFour, 8'000'000, link).value() == Approx(6 * (1e-6 + 2e6 / 1e9)).epsilon(1e-12));
}

TEST_CASE("an algorithm without a closed form has no formula") {
  CollectiveCase trees = kRingOfFour;
  trees.algorithm = "double_binary_tree";
  CHECK_FALSE(formula_time_s(trees, 8'000'000, {.latency_s = 1e-6, .bandwidth_bytes_per_s = 1e9}).has_value());
  CollectiveCase torus{.algorithm = "torus", .ranks = 6, .channels = 2};  // 3 x 2, and odd channels 2 x 3
  CHECK_FALSE(formula_time_s(torus, 8'000'000, {.latency_s = 1e-6, .bandwidth_bytes_per_s = 1e9}).has_value());
  torus.channels = 1;
  CHECK(formula_time_s(torus, 8'000'000, {.latency_s = 1e-6, .bandwidth_bytes_per_s = 1e9}).has_value());
}

TEST_CASE("sizes are one size or a range with a factor") {
  CHECK(parse_collective_sizes("100MB").all() == std::vector<std::int64_t>{100'000'000});
  CHECK(parse_collective_sizes("1KiB..4KiB:x2").all() == std::vector<std::int64_t>{1024, 2048, 4096});
  CHECK(parse_collective_sizes("4..100:x5").all() == std::vector<std::int64_t>{4, 20, 100});
  CHECK(parse_collective_sizes("1KiB..5KiB:x2").all() == std::vector<std::int64_t>{1024, 2048, 4096});
  for (const char* wrong :
       {"3", "0", "1KiB..", "1KiB..4KiB", "1KiB..4KiB:x1", "1KiB..4KiB:x2.5", "1KiB..4KiB:x", "4KiB..1KiB:x2", "ten", "-4"}) {
    CAPTURE(wrong);
    CHECK_THROWS_AS(parse_collective_sizes(wrong), InputError);
  }
}

TEST_CASE("the table of a real run reads back as its rows") {
  const std::vector<CollectiveRow> rows = parse_collective_table(
      "# ring all_reduce on 2 threads\n        size        count     type  redop   time(us)  algbw(GB/s)  busbw(GB/s)  #wrong\n"
      "        4096         1024    float    sum      12.50        0.328        0.328       0\n"
      "       16384         4096    float    sum      25.00        0.655        0.655       9\n");
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].bytes == 4096);
  CHECK(rows[0].time_s == Approx(12.5e-6));
  CHECK(rows[0].wrong == 0);
  CHECK(rows[1].wrong == 9);
  CHECK(collective_json(kRingOfFour, rows).at("sizes").at(0).at("formula_time_s").is_null());
}
