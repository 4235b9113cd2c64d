/// Lossy compression of gradients: core/payload.h has the format. For T = float and double; values travel as floats.
#pragma once

#include <cstdint>
#include <span>

namespace convoy::cpu {

/// Keeps as many of the largest elements of error + g, by magnitude and of equal ones the first, as the payload has room for, and
/// leaves the rest, and what rounding lost, in error (error feedback: Stich, Cordonnier, Jaggi, "Sparsified SGD with Memory", 2018).
template <class T>
void compress_top_k(std::span<const T> g, std::span<T> error, std::span<std::uint32_t> payload);

/// Every element in 8 bits: q = round(g / scale) with scale = largest magnitude of its block / 127. What rounding loses is lost.
template <class T>
void compress_int8(std::span<const T> g, std::span<std::uint32_t> payload);

/// sum = the elements of all payloads, added in their order. `payloads`: so many of equal size, one after the other.
/// Throws std::invalid_argument when one is not of `sum.size()` elements.
template <class T>
void add_payloads(std::span<const std::uint32_t> payloads, int count, std::span<T> sum);

}  // namespace convoy::cpu
