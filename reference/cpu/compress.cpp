#include "reference/cpu/compress.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "reference/core/error.h"
#include "reference/core/payload.h"

namespace convoy::cpu {
namespace {

std::size_t size(std::int64_t n) { return static_cast<std::size_t>(n); }

void write_header(std::span<std::uint32_t> payload, PayloadMethod method, std::int64_t number) {
  payload[0] = static_cast<std::uint32_t>(method);
  payload[1] = static_cast<std::uint32_t>(number);
}

/// What is not a number counts as the largest, so that it travels and shows.
template <class T>
T magnitude(T value) {
  return std::isnan(value) ? std::numeric_limits<T>::infinity() : std::abs(value);
}

/// 0 for a block of zeros.
float scale_of(std::span<const std::uint32_t> payload, std::int64_t element) {
  return std::bit_cast<float>(payload[size(kPayloadHeader + element / kInt8Block)]);
}

std::span<const std::uint32_t> int8_values(std::span<const std::uint32_t> payload, std::int64_t count) {
  return payload.subspan(size(kPayloadHeader + (count + kInt8Block - 1) / kInt8Block));
}

template <class T>
void add_top_k(std::span<const std::uint32_t> payload, std::span<T> sum) {
  const std::int64_t pairs = payload[1];
  require(std::ssize(payload) == top_k_words(pairs), "add_payloads", pairs, " pairs in ", payload.size(), " words");
  for (std::int64_t i = 0; i < pairs; ++i) {
    const std::size_t place = payload[size(kPayloadHeader + 2 * i)];
    require(place < sum.size(), "add_payloads", "element ", place, " of ", sum.size());
    sum[place] += static_cast<T>(std::bit_cast<float>(payload[size(kPayloadHeader + 2 * i + 1)]));
  }
}

template <class T>
void add_int8(std::span<const std::uint32_t> payload, std::span<T> sum) {
  const std::int64_t count = payload[1];
  require(count == std::ssize(sum) && std::ssize(payload) == int8_words(count), "add_payloads", count, " elements in ",
          payload.size(), " words, for ", sum.size());
  const std::span<const std::uint32_t> values = int8_values(payload, count);
  for (std::int64_t i = 0; i < count; ++i) {
    const auto q = static_cast<std::int8_t>(values[size(i / 4)] >> (8 * (i % 4)) & 0xffU);
    sum[size(i)] += static_cast<T>(static_cast<float>(q) * scale_of(payload, i));
  }
}

}  // namespace

template <class T>
void compress_top_k(std::span<const T> g, std::span<T> error, std::span<std::uint32_t> payload) {
  const std::int64_t pairs = (std::ssize(payload) - kPayloadHeader) / 2;
  require(g.size() == error.size() && pairs >= 0 && pairs <= std::ssize(g), "compress_top_k", pairs, " pairs of ", g.size(),
          " elements, with an error of ", error.size());
  write_header(payload, PayloadMethod::top_k, pairs);
  for (std::size_t i = 0; i < g.size(); ++i) error[i] += g[i];
  std::vector<std::uint32_t> places(g.size());
  std::iota(places.begin(), places.end(), 0U);
  std::nth_element(places.begin(), places.begin() + pairs, places.end(), [&](std::uint32_t a, std::uint32_t b) {
    const T one = magnitude(error[a]), two = magnitude(error[b]);
    return one != two ? one > two : a < b;
  });
  std::sort(places.begin(), places.begin() + pairs);
  for (std::int64_t i = 0; i < pairs; ++i) {
    const std::uint32_t place = places[size(i)];
    const auto value = static_cast<float>(error[place]);
    payload[size(kPayloadHeader + 2 * i)] = place;
    payload[size(kPayloadHeader + 2 * i + 1)] = std::bit_cast<std::uint32_t>(value);
    error[place] -= static_cast<T>(value);
  }
}

template <class T>
void compress_int8(std::span<const T> g, std::span<std::uint32_t> payload) {
  const std::int64_t count = std::ssize(g);
  require(std::ssize(payload) == int8_words(count), "compress_int8", count, " elements in ", payload.size(), " words");
  std::ranges::fill(payload, 0U);
  write_header(payload, PayloadMethod::int8, count);
  const std::int64_t first = kPayloadHeader + (count + kInt8Block - 1) / kInt8Block;
  for (std::int64_t begin = 0; begin < count; begin += kInt8Block) {
    const std::int64_t end = std::min(count, begin + kInt8Block);
    float largest = 0;
    for (std::int64_t i = begin; i < end; ++i) largest = std::max(largest, std::abs(static_cast<float>(g[size(i)])));
    const float scale = largest / 127;
    payload[size(kPayloadHeader + begin / kInt8Block)] = std::bit_cast<std::uint32_t>(scale);
    for (std::int64_t i = begin; i < end; ++i) {
      const float q = scale > 0 ? std::nearbyint(static_cast<float>(g[size(i)]) / scale) : 0;
      const auto bits = static_cast<std::uint8_t>(static_cast<std::int8_t>(std::clamp(q, -127.0F, 127.0F)));
      payload[size(first + i / 4)] |= std::uint32_t{bits} << (8 * (i % 4));
    }
  }
}

template <class T>
void add_payloads(std::span<const std::uint32_t> payloads, int count, std::span<T> sum) {
  require(count > 0 && payloads.size() % size(count) == 0 && std::ssize(payloads) / count >= kPayloadHeader, "add_payloads",
          payloads.size(), " words of ", count, " payloads");
  std::ranges::fill(sum, T{});
  const std::size_t words = payloads.size() / size(count);
  for (int i = 0; i < count; ++i) {
    const std::span<const std::uint32_t> payload = payloads.subspan(size(i) * words, words);
    require(payload[0] <= 1, "add_payloads", "payload ", i, " is of method ", payload[0]);
    if (payload[0] == static_cast<std::uint32_t>(PayloadMethod::top_k))
      add_top_k(payload, sum);
    else
      add_int8(payload, sum);
  }
}

template void compress_top_k(std::span<const float>, std::span<float>, std::span<std::uint32_t>);
template void compress_top_k(std::span<const double>, std::span<double>, std::span<std::uint32_t>);
template void compress_int8(std::span<const float>, std::span<std::uint32_t>);
template void compress_int8(std::span<const double>, std::span<std::uint32_t>);
template void add_payloads(std::span<const std::uint32_t>, int, std::span<float>);
template void add_payloads(std::span<const std::uint32_t>, int, std::span<double>);

}  // namespace convoy::cpu
