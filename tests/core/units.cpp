#include "reference/core/units.h"

#include "reference/core/error.h"
#include "tests/catch.h"

using namespace convoy;

TEST_CASE("bytes are read with and without unit") {
  REQUIRE(parse_bytes("512") == 512);
  REQUIRE(parse_bytes("0") == 0);
  REQUIRE(parse_bytes("64KiB") == 65'536);
  REQUIRE(parse_bytes("1.5 GiB") == 1'610'612'736);
  REQUIRE(parse_bytes("100MB") == 100'000'000);
  REQUIRE(parse_bytes("2e3 kB") == 2'000'000);
  REQUIRE(parse_bytes("4TiB") == 4'398'046'511'104);
}

TEST_CASE("times, bandwidths and rates are read in seconds, bytes per second and FLOP per second") {
  REQUIRE(parse_time_s("5us") == Approx(5e-6));
  REQUIRE(parse_time_s("0.5 ms") == Approx(5e-4));
  REQUIRE(parse_time_s("2s") == 2);
  REQUIRE(parse_time_s("3ns") == Approx(3e-9));
  REQUIRE(parse_bandwidth_bytes_per_s("100Gbit/s") == 12.5e9);  // bits, not bytes
  REQUIRE(parse_bandwidth_bytes_per_s("8bit/s") == 1);
  REQUIRE(parse_bandwidth_bytes_per_s("25 GB/s") == 25e9);
  REQUIRE(parse_bandwidth_bytes_per_s("1GiB/s") == 1'073'741'824);
  REQUIRE(parse_flops_per_s("15.7TFLOP/s") == Approx(15.7e12));
  REQUIRE(100 * Gbit == 12.5e9);
}

TEST_CASE("quantities that cannot be meant are refused, and the message says what to type") {
  for (const char* text : {"", "KiB", "-1", "1.5", "12 parsecs", "1e30", "64 kib", "nan", "inf", "1 2"}) {
    INFO("'" << text << "'");
    REQUIRE_THROWS_AS(parse_bytes(text), InputError);
  }
  for (const char* text : {"5", "5 bytes", "-1us", "us", "nans"}) REQUIRE_THROWS_AS(parse_time_s(text), InputError);
  for (const char* text : {"100", "100Gbit", "100GB"}) REQUIRE_THROWS_AS(parse_bandwidth_bytes_per_s(text), InputError);
  REQUIRE_THROWS_AS(parse_flops_per_s("15.7TFLOP"), InputError);
  try {
    parse_time_s("5");
    FAIL("accepted");
  } catch (const InputError& error) {
    const std::string message = error.what();
    CAPTURE(message);
    REQUIRE(message.find("'5'") != std::string::npos);
    REQUIRE(message.find("unit is missing") != std::string::npos);
    REQUIRE(message.find("5us") != std::string::npos);
  }
}

TEST_CASE("quantities are written with three digits and the unit that fits") {
  REQUIRE(format_bytes(0) == "0 B");
  REQUIRE(format_bytes(999) == "999 B");
  REQUIRE(format_bytes(1'234'567) == "1.23 MB");
  REQUIRE(format_time(12.34e-6) == "12.3 us");
  REQUIRE(format_time(0.015 - 0.014) == "1 ms");  // 0.99999 ms, which rounds
  REQUIRE(format_time(0.9994e-3) == "999 us");
  REQUIRE(format_time(90) == "90 s");
  REQUIRE(format_bandwidth(24.9e9) == "24.9 GB/s");
  REQUIRE(format_flops(30.94e9) == "30.9 GFLOP");
}

TEST_CASE("what is written can be read again") {
  for (double value = 1.23e-7; value < 1e4; value *= 7.7)
    REQUIRE(parse_time_s(format_time(value)) == Approx(value).epsilon(0.01));
  for (double value = 3; value < 1e14; value *= 9.1)
    REQUIRE(parse_bandwidth_bytes_per_s(format_bandwidth(value)) == Approx(value).epsilon(0.01));
}
