#include <algorithm>
#include <array>
#include <utility>

#include "reference/cpu/blocked/vector.h"
#include "reference/cpu/checks.h"
#include "reference/cpu/kernels.h"
#include "reference/cpu/parallel.h"

#if defined(__AVX512F__)
#include <immintrin.h>
#endif

// Note [streaming weights]: with few samples a layer's time is that of reading its weights, so every pass reads them once and
// from beginning to end of long pieces: columns (inputs) are taken in chunks, whose x, dx or dw of some rows stay in the second
// cache while the weights pass by. In registers lies a tile of rows by samples; every vector of weights loaded serves all its
// samples.
//
// Note [dividing a product]: every element of a result is computed by one thread from beginning to end, so threads add nothing
// up: forward divides outputs, the gradients divide inputs and outputs.

namespace convoy::cpu {
namespace {

using blocked::Vec;
using Unaligned = float __attribute__((vector_size(64), aligned(4)));
constexpr std::int64_t kLanes = 16;

#if defined(__AVX512F__)
constexpr std::size_t kRows = 4;     // of a tile, or vectors of inputs
constexpr std::size_t kSamples = 7;  // 28 of 32 registers hold sums
#else
constexpr std::size_t kRows = 2;
constexpr std::size_t kSamples = 3;
#endif

CONVOY_INLINE Vec load(const float* memory) { return *reinterpret_cast<const Unaligned*>(memory); }
CONVOY_INLINE void store(float* memory, const Vec& v) { *reinterpret_cast<Unaligned*>(memory) = v; }

/// The first `count` lanes, the others 0.
CONVOY_INLINE Vec load_some(const float* memory, std::int64_t count) {
#if defined(__AVX512F__)
  return reinterpret_cast<Vec>(_mm512_maskz_loadu_ps(static_cast<__mmask16>((1U << count) - 1U), memory));
#else
  Vec v{};
  for (std::int64_t i = 0; i < count; ++i) v[i] = memory[i];
  return v;
#endif
}
CONVOY_INLINE void store_some(float* memory, const Vec& v, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) memory[i] = v[i];
}

inline float sum_of_lanes(const Vec& v) {
  using Half = float __attribute__((vector_size(32)));
  using Quarter = float __attribute__((vector_size(16)));
  const Half half =
      __builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7) + __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15);
  const Quarter quarter = __builtin_shufflevector(half, half, 0, 1, 2, 3) + __builtin_shufflevector(half, half, 4, 5, 6, 7);
  const Quarter pair = quarter + __builtin_shufflevector(quarter, quarter, 2, 3, 0, 1);
  return pair[0] + pair[1];
}

/// A matrix [rows][stride].
template <class T>
struct Rows {
  T* data = nullptr;
  std::int64_t stride = 0;
  [[nodiscard]] T* row(std::int64_t i) const { return data + i * stride; }
};

// A table of functions for all sizes of tiles up to kSamples x kRows.
template <template <std::size_t, std::size_t> class Tile>
struct Table {
  using Function = decltype(&Tile<1, 1>::run);
  template <std::size_t... I>
  static constexpr std::array<Function, sizeof...(I)> make(std::index_sequence<I...>) {
    return {&Tile<I / kRows + 1, I % kRows + 1>::run...};
  }
  static constexpr auto functions = make(std::make_index_sequence<kSamples * kRows>());
  static Function of(std::int64_t samples, std::int64_t rows) {
    return functions[static_cast<std::size_t>(samples - 1) * kRows + static_cast<std::size_t>(rows - 1)];
  }
};

/// body(slice) for slices of at most `most` that together are [0, count), nearly equally large.
template <class Body>
void in_tiles(std::int64_t count, std::size_t most, const Body& body) {
  const std::int64_t tiles = (count + static_cast<std::int64_t>(most) - 1) / static_cast<std::int64_t>(most);
  for (std::int64_t i = 0; i < tiles; ++i) body(shard(count, tiles, i));
}

/// y[n][k] += sum over `count` inputs of x[n] w[k], for N samples and K outputs. Meanwhile rows `ahead` of w are fetched into the
/// caches, for the tile after: memory must not wait while the other samples are treated.
template <std::size_t N, std::size_t K>
struct DotTile {
  static void run(const Rows<const float>& x, const Rows<const float>& w, const Rows<float>& y, std::int64_t count, Slice ahead) {
    Vec total[N][K] = {};
    const auto step = [&](const auto& read, std::int64_t i) __attribute__((always_inline)) {
      Vec weights[K];
#pragma GCC unroll 4
      for (std::size_t k = 0; k < K; ++k) weights[k] = read(w.row(static_cast<std::int64_t>(k)) + i);
#pragma GCC unroll 7
      for (std::size_t n = 0; n < N; ++n) {
        const Vec value = read(x.row(static_cast<std::int64_t>(n)) + i);
#pragma GCC unroll 4
        for (std::size_t k = 0; k < K; ++k) total[n][k] += value * weights[k];
      }
    };
    std::int64_t i = 0;
    for (; i + kLanes <= count; i += kLanes) {
      for (std::int64_t k = ahead.offset; k < ahead.end(); ++k) __builtin_prefetch(w.row(k) + i);
      step(
          [](const float* memory) __attribute__((always_inline)) { return load(memory); }, i);
    }
    if (i < count)
      step(
          [&](const float* memory) __attribute__((always_inline)) { return load_some(memory, count - i); }, i);
    for (std::size_t n = 0; n < N; ++n)
      for (std::size_t k = 0; k < K; ++k) y.row(static_cast<std::int64_t>(n))[k] += sum_of_lanes(total[n][k]);
  }
};

constexpr std::size_t kFetchAhead = 2;  // tiles

/// to[n][i] += sum over k in [0, depth) of factor(n, k) from[k][i], for N rows and I vectors of columns: what both gradients are.
/// The factor lies at factors + n * row_step + k * depth_step. `lanes`: of the last vector. `fetch`: the pieces of `to` that come
/// a few tiles later are fetched into the caches meanwhile.
struct Factors {
  const float* data;
  std::int64_t row_step, depth_step;
};
template <std::size_t N, std::size_t I>
struct OuterTile {
  static void run(const Rows<float>& to, const Factors& factors, const Rows<const float>& from, std::int64_t depth,
                  std::int64_t lanes, bool fetch) {
    Vec total[N][I];
    if (fetch)
      for (std::size_t n = 0; n < N; ++n)
        for (std::size_t i = 0; i < I; ++i)
          __builtin_prefetch(to.row(static_cast<std::int64_t>(n)) + (kFetchAhead * I + i) * 16, 1);
    if (lanes == kLanes) {
#pragma GCC unroll 7
      for (std::size_t n = 0; n < N; ++n) {
#pragma GCC unroll 4
        for (std::size_t i = 0; i < I; ++i) total[n][i] = load(to.row(static_cast<std::int64_t>(n)) + i * 16);
      }
      for (std::int64_t k = 0; k < depth; ++k) {
        Vec values[I];
#pragma GCC unroll 4
        for (std::size_t i = 0; i < I; ++i) values[i] = load(from.row(k) + i * 16);
        const float* factor = factors.data + k * factors.depth_step;
#pragma GCC unroll 7
        for (std::size_t n = 0; n < N; ++n) {
#pragma GCC unroll 4
          for (std::size_t i = 0; i < I; ++i) total[n][i] += values[i] * factor[static_cast<std::int64_t>(n) * factors.row_step];
        }
      }
#pragma GCC unroll 7
      for (std::size_t n = 0; n < N; ++n) {
#pragma GCC unroll 4
        for (std::size_t i = 0; i < I; ++i) store(to.row(static_cast<std::int64_t>(n)) + i * 16, total[n][i]);
      }
      return;
    }
    // The last, incomplete vector: I is 1.
    for (std::size_t n = 0; n < N; ++n) total[n][0] = load_some(to.row(static_cast<std::int64_t>(n)), lanes);
    for (std::int64_t k = 0; k < depth; ++k) {
      const Vec value = load_some(from.row(k), lanes);
      const float* factor = factors.data + k * factors.depth_step;
      for (std::size_t n = 0; n < N; ++n) total[n][0] += value * factor[static_cast<std::int64_t>(n) * factors.row_step];
    }
    for (std::size_t n = 0; n < N; ++n) store_some(to.row(static_cast<std::int64_t>(n)), total[n][0], lanes);
  }
};

/// The same for any number of rows and columns.
void add_outer(const Rows<float>& to, const Factors& factors, const Rows<const float>& from, std::int64_t rows,
               std::int64_t columns, std::int64_t depth, bool fetch) {
  const auto tile = [&](std::int64_t column, std::int64_t vectors, std::int64_t lanes) {
    in_tiles(rows, kSamples, [&](Slice slice) {
      Table<OuterTile>::of(slice.count, vectors)(
          {to.row(slice.offset) + column, to.stride},
          {factors.data + slice.offset * factors.row_step, factors.row_step, factors.depth_step},
          {from.data + column, from.stride}, depth, lanes, fetch);
    });
  };
  const std::int64_t whole = columns / kLanes;
  in_tiles(whole, kRows, [&](Slice vectors) { tile(vectors.offset * kLanes, vectors.count, kLanes); });
  if (columns % kLanes != 0) tile(whole * kLanes, 1, columns % kLanes);
}

constexpr std::int64_t kChunk = 4096;              // inputs of a piece of forward: 16 KiB of every row
constexpr std::int64_t kGradientChunk = 4096;      // inputs of a piece of dx
constexpr std::int64_t kInputFloats = 128 * 1024;  // of x while dw passes by
constexpr std::int64_t kDepth = 16;                // outputs whose weights are added before dx goes back to memory

/// Elements of a side worth a thread: about 100,000 multiply-adds, and 16.
std::int64_t product_grain(std::int64_t side, double multiply_adds) {
  const double worth = 1e5 * static_cast<double>(side) / std::max(multiply_adds, 1.0);
  return std::max<std::int64_t>(16, static_cast<std::int64_t>(std::min(worth, 1e9)));
}

double work_of(std::int64_t batch, std::int64_t in, std::int64_t out) {
  return static_cast<double>(batch) * static_cast<double>(in) * static_cast<double>(out);
}

}  // namespace

void linear_forward(View<const float> x, View<const float> w, View<const float> b, View<float> y) {
  check_linear("linear_forward", x.shape, w.shape, y.shape);
  check_bias("linear_forward", "b", b, w.shape.n);
  const std::int64_t in = x.shape.sample_count();
  const std::int64_t out = w.shape.n;
  const std::int64_t batch = x.shape.n;
  if (y.count() == 0) return;
  parallel_slices(out, product_grain(out, work_of(batch, in, out)), [&](Slice outputs) {
    for (std::int64_t n = 0; n < batch; ++n)
      for (std::int64_t k = outputs.offset; k < outputs.end(); ++k) y.data[n * out + k] = b.data == nullptr ? 0 : b.data[k];
    for (std::int64_t first = 0; first < in; first += kChunk) {
      const std::int64_t count = std::min(kChunk, in - first);
      in_tiles(outputs.count, kRows, [&](Slice rows) {
        const std::int64_t k = outputs.offset + rows.offset;
        const std::int64_t next = std::min<std::int64_t>(rows.count, out - k - rows.count);
        const std::int64_t tiles = (batch + static_cast<std::int64_t>(kSamples) - 1) / static_cast<std::int64_t>(kSamples);
        std::int64_t tile = 0;
        in_tiles(batch, kSamples, [&](Slice samples) {
          const Slice part = shard(next, tiles, tile++);
          Table<DotTile>::of(samples.count, rows.count)({x.data + samples.offset * in + first, in}, {w.data + k * in + first, in},
                                                        {y.data + samples.offset * out + k, out}, count,
                                                        {rows.count + part.offset, part.count});
        });
      });
    }
  });
}

void linear_backward_input(View<const float> dy, View<const float> w, View<float> dx) {
  check_linear("linear_backward_input", dx.shape, w.shape, dy.shape);
  const std::int64_t in = dx.shape.sample_count();
  const std::int64_t out = w.shape.n;
  const std::int64_t batch = dx.shape.n;
  if (dx.count() == 0) return;
  parallel_slices(in, product_grain(in, work_of(batch, in, out)), [&](Slice inputs) {
    for (std::int64_t first = inputs.offset; first < inputs.end(); first += kGradientChunk) {
      const std::int64_t count = std::min(kGradientChunk, inputs.end() - first);
      for (std::int64_t n = 0; n < batch; ++n) std::fill_n(dx.data + n * in + first, count, 0.0F);
      for (std::int64_t k = 0; k < out; k += kDepth)
        add_outer({dx.data + first, in}, {dy.data + k, out, 1}, {w.data + k * in + first, in}, batch, count,
                  std::min(kDepth, out - k), false);
    }
  });
}

void linear_backward_weights(View<const float> dy, View<const float> x, View<float> dw, View<float> db) {
  check_linear("linear_backward_weights", x.shape, dw.shape, dy.shape);
  check_bias("linear_backward_weights", "db", db, dw.shape.n);
  const std::int64_t in = x.shape.sample_count();
  const std::int64_t out = dw.shape.n;
  const std::int64_t batch = x.shape.n;
  if (batch == 0) return;
  parallel_slices(out, product_grain(out, work_of(batch, in, out)), [&](Slice outputs) {
    const std::int64_t chunk = std::max<std::int64_t>(kInputFloats / batch / kLanes * kLanes, kGradientChunk);
    for (std::int64_t first = 0; first < in; first += chunk) {
      const std::int64_t count = std::min(chunk, in - first);
      for (std::int64_t k = outputs.offset; k < outputs.end(); k += static_cast<std::int64_t>(kSamples))
        add_outer({dw.data + k * in + first, in}, {dy.data + k, 1, out}, {x.data + first, in},
                  std::min(static_cast<std::int64_t>(kSamples), outputs.end() - k), count, batch, true);
    }
  });
  if (db.data == nullptr) return;
  for (std::int64_t n = 0; n < batch; ++n)
    for (std::int64_t k = 0; k < out; ++k) db.data[k] += dy.data[n * out + k];
}

}  // namespace convoy::cpu
