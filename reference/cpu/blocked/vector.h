/// Vec: the sixteen channels of a pixel as one value. GCC's and Clang's vector extension makes one register of it with AVX-512,
/// two with AVX2, and so on: the same source for every processor.
#pragma once

#include <cstdint>

#if defined(__AVX__)
#include <immintrin.h>
#endif

namespace convoy::cpu::blocked {

using Vec = float __attribute__((vector_size(64)));
using Mask = std::int32_t __attribute__((vector_size(64)));  ///< -1 or 0 a lane, what comparing two Vec gives
using HalfVec = float __attribute__((vector_size(32)));
using DoubleVec = double __attribute__((vector_size(64)));

#define CONVOY_INLINE inline __attribute__((always_inline))

CONVOY_INLINE Vec& as_vec(float* memory) { return *reinterpret_cast<Vec*>(memory); }
CONVOY_INLINE const Vec& as_vec(const float* memory) { return *reinterpret_cast<const Vec*>(memory); }

// Note [stores past the caches]: a line that is stored in the usual way is read from memory first. A result that no cache can
// hold until somebody reads it is better written past them: that saves one of the three ways through memory that a pass over one
// tensor takes.

/// Stores v past the caches. end_streaming() must follow before another thread reads it.
CONVOY_INLINE void stream(float* memory, const Vec& v) {
#if defined(__AVX512F__)
  _mm512_stream_ps(memory, reinterpret_cast<__m512>(v));
#elif defined(__AVX__)
  _mm256_stream_ps(memory, reinterpret_cast<__m256>(__builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7)));
  _mm256_stream_ps(memory + 8, reinterpret_cast<__m256>(__builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15)));
#else
  as_vec(memory) = v;
#endif
}
CONVOY_INLINE void end_streaming() {
#if defined(__AVX__)
  _mm_sfence();
#endif
}
/// Stores v in either way.
template <bool kStream>
CONVOY_INLINE void store(float* memory, const Vec& v) {
  if constexpr (kStream)
    stream(memory, v);
  else
    as_vec(memory) = v;
}

/// max(v, 0), NaN where v is NaN.
CONVOY_INLINE void apply_relu(Vec& v) { v = v <= 0.0F ? Vec{} : v; }
/// v where y > 0, else 0.
CONVOY_INLINE void keep_where_positive(Vec& v, const Vec& y) { v = y > 0.0F ? v : Vec{}; }

/// Sixteen sums in double, to which sums of a few floats are added.
struct DoubleSums {
  DoubleVec low{}, high{};
  CONVOY_INLINE void add(const Vec& v) {
    low += __builtin_convertvector(__builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7), DoubleVec);
    high += __builtin_convertvector(__builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15), DoubleVec);
  }
  [[nodiscard]] double lane(int i) const { return i < 8 ? low[i] : high[i - 8]; }
};

}  // namespace convoy::cpu::blocked
