#include "reference/core/error.h"

#include <cmath>
#include <cstdint>
#include <limits>
#include <sstream>
#include <string>
#include <string_view>

#include "reference/core/dtype.h"
#include "tests/catch.h"

using namespace convoy;

TEST_CASE("the nearest word is the one that was most likely meant") {
  const std::vector<std::string> known = {"ring", "binomial", "data", "pipeline", "one_weird_trick"};
  REQUIRE(nearest_word("rnig", known) == "ring");         // neighbours swapped: one mistake
  REQUIRE(nearest_word("rings", known) == "ring");        // one letter too many
  REQUIRE(nearest_word("binomal", known) == "binomial");  // one missing
  REQUIRE(nearest_word("pipeling", known) == "pipeline");
  REQUIRE(nearest_word("one-weird-trick", known) == "one_weird_trick");
  REQUIRE(nearest_word("data", known) == "data");
  REQUIRE(nearest_word("spatial", known).empty());
  REQUIRE(nearest_word("a100", {"A40", "A100-SXM4-40GB", "V100-PCIE-16GB"}) == "A100-SXM4-40GB");  // the beginning of a name
  REQUIRE(nearest_word("a100", {"A40", "A100-SXM4-40GB", "A100-PCIE-40GB"}).empty());              // of two
  REQUIRE(nearest_word("--mic", {"--ranks", "--micro-batches"}) == "--micro-batches");
  REQUIRE(nearest_word("--co", {"--ranks", "--compress"}).empty());  // dashes are no letters
  REQUIRE(nearest_word("A1", {"A100-SXM4-40GB"}).empty());           // which is too short
  REQUIRE(nearest_word("", known).empty());
  REQUIRE(nearest_word("x", {}).empty());
  REQUIRE(nearest_word("dats", known) == "data");
  REQUIRE(nearest_word("dxxa", known).empty());  // two of four letters are too many
}

TEST_CASE("an unknown word is refused with the nearest and all known words") {
  try {
    throw_unknown_word("collective", "rign", {"ring", "binomial"});
    FAIL("returned");
  } catch (const InputError& error) {
    REQUIRE(std::string(error.what()) == "unknown collective 'rign'; did you mean 'ring'? Known: ring, binomial");
  }
  try {
    throw_unknown_word("collective", "butterfly", {"ring", "binomial"});
    FAIL("returned");
  } catch (const InputError& error) {
    const std::string message = error.what();
    CAPTURE(message);
    REQUIRE(message.find("unknown collective 'butterfly'") == 0);
    REQUIRE(message.find("did you mean") == std::string::npos);
    REQUIRE(message.find("Known: ring, binomial") != std::string::npos);
  }
}

TEST_CASE("require throws when its condition is false, with the place and the parts of the message") {
  REQUIRE_NOTHROW(require(true, "here", "fine"));
  try {
    require(false, "conv2d_forward", "x has ", 3, " channels, w expects ", 4);
    FAIL("returned");
  } catch (const std::invalid_argument& error) {
    REQUIRE(std::string(error.what()) == "[conv2d_forward] x has 3 channels, w expects 4");
  }
}

TEST_CASE("cat writes texts, letters and numbers as a stream with ten digits does") {
  const auto streamed = [](const auto& value) {
    std::ostringstream out;
    out.precision(10);
    out << value;
    return out.str();
  };
  for (const double value : {0.0, -0.0, 1.0, 1.0 / 3, -2e-9 / 3, 1e9, 12345678901.0, 0.0001, 0.00001, 1e300, 5e-324, HUGE_VAL, -HUGE_VAL})
    REQUIRE(cat(value) == streamed(value));
  REQUIRE(cat(std::nan("")) == "nan");
  REQUIRE(cat(0.1F) == streamed(0.1F));
  REQUIRE(cat(std::numeric_limits<std::int64_t>::min()) == streamed(std::numeric_limits<std::int64_t>::min()));
  REQUIRE(cat(std::numeric_limits<std::uint64_t>::max()) == streamed(std::numeric_limits<std::uint64_t>::max()));
  REQUIRE(cat("a", std::string("bc"), std::string_view("d"), 'e', -7, 8U, true, false, "") == "abcde-7810");
  REQUIRE(cat() == "");  // NOLINT
}

TEST_CASE("element types are written, read and sized") {
  for (const DType type : {DType::f32, DType::f64, DType::f16, DType::bf16}) REQUIRE(parse_dtype(to_string(type)) == type);
  REQUIRE(size_bytes(DType::f32) == sizeof(float));
  REQUIRE(size_bytes(DType::f64) == sizeof(double));
  REQUIRE(with_type(DType::f32, [](auto zero) { return sizeof(zero); }) == 4);
  REQUIRE(with_type(DType::f64, [](auto zero) { return sizeof(zero); }) == 8);
  REQUIRE(size_bytes(DType::f16) == sizeof(Float16));
  REQUIRE(size_bytes(DType::bf16) == sizeof(BFloat16));
  REQUIRE(with_type(DType::f16, [](auto zero) { return std::is_same_v<decltype(zero), Float16>; }));
  REQUIRE(with_type(DType::bf16, [](auto zero) { return std::is_same_v<decltype(zero), BFloat16>; }));
  REQUIRE_THROWS_AS(parse_dtype("f61"), InputError);
}
