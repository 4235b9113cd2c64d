#include "tests/fuzz/mutate.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "reference/core/random.h"

namespace convoy::fuzz {
namespace {

/// What readers stumble over: limits of integers, numbers that are none, and the punctuation of the formats.
constexpr std::array<std::string_view, 34> kWords = {"0",
                                                     "-1",
                                                     "1e999",
                                                     "nan",
                                                     "inf",
                                                     "-0.0",
                                                     "18446744073709551616",
                                                     "9223372036854775807",
                                                     "-2147483649",
                                                     "99999999",
                                                     "1e308",
                                                     "{",
                                                     "}",
                                                     "[",
                                                     "]",
                                                     ":",
                                                     "\"",
                                                     ",",
                                                     "\n",
                                                     "\t",
                                                     "- ",
                                                     "&a ",
                                                     "*a",
                                                     "!!",
                                                     "null",
                                                     "true",
                                                     "GB/s",
                                                     "Gbit/s",
                                                     "us",
                                                     "MiB",
                                                     "\xff\xfe",
                                                     "\xc3\x28",
                                                     "#",
                                                     "%"};

std::size_t place(Random& random, std::size_t limit) {
  return limit == 0 ? 0 : static_cast<std::size_t>(random.below(static_cast<std::int64_t>(limit)));
}

void change_byte(std::string& bytes, Random& random) {
  if (bytes.empty()) return;
  char& byte = bytes[place(random, bytes.size())];
  switch (random.below(4)) {
    case 0: byte = static_cast<char>(static_cast<unsigned char>(byte) ^ (1U << random.below(8))); break;
    case 1: byte = static_cast<char>(random.below(256)); break;
    case 2: byte = '\0'; break;
    default: byte = static_cast<char>(0xff); break;
  }
}

/// Four or eight bytes that a binary format may take for a length.
void change_number(std::string& bytes, Random& random) {
  const std::size_t width = random.below(2) == 0 ? 4 : 8;
  if (bytes.size() < width) return;
  const std::size_t at = place(random, bytes.size() - width + 1);
  constexpr std::array<std::uint64_t, 7> values = {
      0, 1, 0xffffffffU, 0x7fffffffU, ~std::uint64_t{0}, std::uint64_t{1} << 40U, 0x10000};
  const std::uint64_t value = values[place(random, values.size())];
  for (std::size_t i = 0; i < width; ++i) bytes[at + i] = static_cast<char>(value >> (8 * i));
}

void change(std::string& bytes, const std::vector<std::string>& good, Random& random) {
  const std::size_t at = place(random, bytes.size() + 1);
  const std::size_t length = 1 + place(random, 32);
  switch (random.below(8)) {
    case 0: bytes.resize(at); break;
    case 1: bytes.erase(at, length); break;
    case 2: bytes.insert(at, kWords[place(random, kWords.size())]); break;
    case 3: bytes.replace(at, std::min(length, bytes.size() - at), kWords[place(random, kWords.size())]); break;
    case 4: bytes.insert(at, bytes.substr(place(random, bytes.size() + 1), length)); break;
    case 5: {
      const std::string& other = good[place(random, good.size())];
      bytes = bytes.substr(0, at) + other.substr(place(random, other.size() + 1));
      break;
    }
    case 6: change_number(bytes, random); break;
    default: change_byte(bytes, random); break;
  }
}

}  // namespace

std::string mutated(const std::vector<std::string>& good, std::uint64_t seed, std::uint64_t iteration) {
  Random random(random_bits(seed, iteration));
  std::string bytes = good[place(random, good.size())];
  const std::int64_t changes = 1 + random.below(8);
  for (std::int64_t i = 0; i < changes; ++i) change(bytes, good, random);
  return bytes;
}

}  // namespace convoy::fuzz
