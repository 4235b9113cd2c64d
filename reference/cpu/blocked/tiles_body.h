/// The body of tiles.h's functions; included by the files that instantiate them for one distance of pixels each.
#pragma once

#include <array>
#include <utility>

#include "reference/cpu/blocked/tiles.h"

namespace convoy::cpu::blocked {

CONVOY_INLINE void add_to_sums(double* sums, const Vec& v) {
  DoubleVec& low = *reinterpret_cast<DoubleVec*>(sums);
  DoubleVec& high = *reinterpret_cast<DoubleVec*>(sums + 8);
  DoubleSums total{low, high};
  total.add(v);
  low = total.low;
  high = total.high;
}

/// kStep: floats from pixel to pixel of x; 0: job.x_step, for the rare ones.
template <std::size_t T, std::size_t NK, std::size_t kStep>
void tile(const TileJob& job, const float* x, const float* w, const float* bias, float* y, double* sums,
          std::int64_t square_sums) {
  Vec total[T][NK];
#pragma GCC unroll 32
  for (std::size_t t = 0; t < T; ++t) {
#pragma GCC unroll 4
    for (std::size_t k = 0; k < NK; ++k) total[t][k] = as_vec(bias + k * 16);
  }
  const std::size_t step = kStep > 0 ? kStep : static_cast<std::size_t>(job.x_step);
  for (int plane = 0; plane < job.planes; ++plane, x += job.x_plane) {
    const int lanes = plane + 1 < job.planes ? job.lanes : job.last_lanes;
    w += std::int64_t{job.skip_before} * lanes * static_cast<std::int64_t>(NK * 16);
    for (int tap = 0; tap < job.tap_count; ++tap) {
      const float* value = x + job.taps[tap];
      for (int lane = 0; lane < lanes; ++lane, ++value, w += NK * 16) {
        Vec weights[NK];
#pragma GCC unroll 4
        for (std::size_t k = 0; k < NK; ++k) weights[k] = as_vec(w + k * 16);
#pragma GCC unroll 32
        for (std::size_t t = 0; t < T; ++t) {
#pragma GCC unroll 4
          for (std::size_t k = 0; k < NK; ++k) total[t][k] += weights[k] * value[t * step];
        }
      }
    }
    w += std::int64_t{job.skip_after} * lanes * static_cast<std::int64_t>(NK * 16);
  }
  if (job.relu) {
#pragma GCC unroll 32
    for (std::size_t t = 0; t < T; ++t) {
#pragma GCC unroll 4
      for (std::size_t k = 0; k < NK; ++k) apply_relu(total[t][k]);
    }
  }
#pragma GCC unroll 4
  for (std::size_t k = 0; k < NK; ++k) {
#pragma GCC unroll 32
    for (std::size_t t = 0; t < T; ++t)
      as_vec(y + static_cast<std::int64_t>(k) * job.y_plane + static_cast<std::int64_t>(t) * job.y_step) = total[t][k];
    if (sums == nullptr) continue;
    Vec sum{}, squares{};
#pragma GCC unroll 32
    for (std::size_t t = 0; t < T; ++t) {
      sum += total[t][k];
      squares += total[t][k] * total[t][k];
    }
    add_to_sums(sums + k * 16, sum);
    add_to_sums(sums + k * 16 + square_sums, squares);
  }
}

/// tile<1>, tile<2>, ... for all numbers of pixels.
template <std::size_t kStep, std::size_t NK, std::size_t... T>
constexpr std::array<TileFunction, sizeof...(T)> tiles_of(std::index_sequence<T...>) {
  return {tile<T + 1, NK, kStep>...};
}

template <std::size_t kStep>
TileFunction tile_of_step(int pixels, int filter_blocks) {
  static constexpr auto one = tiles_of<kStep, 1>(std::make_index_sequence<max_pixels(1)>());
  const auto at = static_cast<std::size_t>(pixels - 1);
  if constexpr (kMaxBlocks > 1) {
    static constexpr auto two = tiles_of<kStep, 2>(std::make_index_sequence<max_pixels(2)>());
    static constexpr auto four = tiles_of<kStep, 4>(std::make_index_sequence<max_pixels(4)>());
    if (filter_blocks == 2) return two[at];
    if (filter_blocks == 4) return four[at];
  }
  return one[at];
}

/// Those of the distances that tiles_blocked.cpp does not have.
TileFunction plain_tile(std::int64_t x_step, int pixels, int filter_blocks);

}  // namespace convoy::cpu::blocked
