/// The transforms of Winograd's F(4x4, 3x3) and F(2x2, 5x5) (Lavin and Gray 2016, points 0, 1, -1, 2, -2 and infinity), sixteen
/// channels at a time.
///
///     y = A^T [ (G g G^T) * (B^T d B) ] A      d: 6 x 6 of x   g: filter   y: outputs, * element by element
///
/// As a sum of products in y, g and d it can be read in every direction: the gradient of g is G^T [ (A dy A^T) * (B^T d B) ] G.
/// Rows of A and G are powers of the points, those of G over a factor a point; B^T depends on the points only. So what has 4
/// outputs and 3 weights in a row shares B^T with what has 2 outputs and 5 weights.
#pragma once

#include "reference/cpu/blocked/vector.h"

namespace convoy::cpu::blocked::winograd {

inline constexpr int kPatch = 6;    ///< inputs of a tile in a row
inline constexpr int kPoints = 36;  ///< products of a tile: for 16 outputs of 3 x 3 instead of 144, for 4 of 5 x 5 instead of 100

/// B^T: d (6) to d (6).
struct InputTransform {
  static constexpr std::size_t kFrom = 6, kTo = 6;
  static CONVOY_INLINE void apply(const Vec (&d)[6], Vec (&v)[6]) {
    const Vec a = d[4] - d[2] * 4.0F;
    const Vec b = d[3] - d[1] * 4.0F;
    const Vec c = d[4] - d[2];
    const Vec e = (d[3] - d[1]) * 2.0F;
    v[0] = d[0] * 4.0F - d[2] * 5.0F + d[4];
    v[1] = a + b;
    v[2] = a - b;
    v[3] = c + e;
    v[4] = c - e;
    v[5] = d[1] * 4.0F - d[3] * 5.0F + d[5];
  }
};

/// 4 x 4 outputs, filters of 3 x 3.
struct For3x3 {
  static constexpr int kTile = 4;    ///< outputs of a tile in a row
  static constexpr int kFilter = 3;  ///< weights of a filter in a row

  /// A^T: products (6) to outputs (4).
  struct Output {
    static constexpr std::size_t kFrom = 6, kTo = 4;
    static CONVOY_INLINE void apply(const Vec (&m)[6], Vec (&y)[4]) {
      const Vec a = m[1] + m[2];
      const Vec b = m[1] - m[2];
      const Vec c = m[3] + m[4];
      const Vec d = m[3] - m[4];
      y[0] = m[0] + a + c;
      y[1] = b + d * 2.0F;
      y[2] = a + c * 4.0F;
      y[3] = b + d * 8.0F + m[5];
    }
  };

  /// A: gradients of outputs (4) to (6).
  struct Gradient {
    static constexpr std::size_t kFrom = 4, kTo = 6;
    static CONVOY_INLINE void apply(const Vec (&y)[4], Vec (&z)[6]) {
      const Vec even = y[0] + y[2];
      const Vec odd = y[1] + y[3];
      const Vec even2 = y[0] + y[2] * 4.0F;
      const Vec odd2 = y[1] * 2.0F + y[3] * 8.0F;
      z[0] = y[0];
      z[1] = even + odd;
      z[2] = even - odd;
      z[3] = even2 + odd2;
      z[4] = even2 - odd2;
      z[5] = y[3];
    }
  };

  /// G: a filter (3) to (6).
  struct Filter {
    static constexpr std::size_t kFrom = 3, kTo = 6;
    static CONVOY_INLINE void apply(const Vec (&g)[3], Vec (&u)[6]) {
      const Vec even = (g[0] + g[2]) * (-1.0F / 6);
      const Vec odd = g[1] * (1.0F / 6);
      const Vec even2 = g[0] * (1.0F / 24) + g[2] * (1.0F / 6);
      const Vec odd2 = g[1] * (1.0F / 12);
      u[0] = g[0] * 0.25F;
      u[1] = even - odd;
      u[2] = even + odd;
      u[3] = even2 + odd2;
      u[4] = even2 - odd2;
      u[5] = g[2];
    }
  };

  /// G^T: products (6) to the gradient of a filter (3).
  struct FilterGradient {
    static constexpr std::size_t kFrom = 6, kTo = 3;
    static CONVOY_INLINE void apply(const Vec (&u)[6], Vec (&g)[3]) {
      const Vec a = (u[1] + u[2]) * (-1.0F / 6);
      const Vec b = u[3] + u[4];
      g[0] = u[0] * 0.25F + a + b * (1.0F / 24);
      g[1] = (u[2] - u[1]) * (1.0F / 6) + (u[3] - u[4]) * (1.0F / 12);
      g[2] = a + b * (1.0F / 6) + u[5];
    }
  };
};

/// 2 x 2 outputs, filters of 5 x 5.
struct For5x5 {
  static constexpr int kTile = 2;
  static constexpr int kFilter = 5;

  struct Output {
    static constexpr std::size_t kFrom = 6, kTo = 2;
    static CONVOY_INLINE void apply(const Vec (&m)[6], Vec (&y)[2]) {
      y[0] = m[0] + (m[1] + m[2]) + (m[3] + m[4]);
      y[1] = (m[1] - m[2]) + (m[3] - m[4]) * 2.0F + m[5];
    }
  };

  struct Gradient {
    static constexpr std::size_t kFrom = 2, kTo = 6;
    static CONVOY_INLINE void apply(const Vec (&y)[2], Vec (&z)[6]) {
      const Vec twice = y[1] * 2.0F;
      z[0] = y[0];
      z[1] = y[0] + y[1];
      z[2] = y[0] - y[1];
      z[3] = y[0] + twice;
      z[4] = y[0] - twice;
      z[5] = y[1];
    }
  };

  struct Filter {
    static constexpr std::size_t kFrom = 5, kTo = 6;
    static CONVOY_INLINE void apply(const Vec (&g)[5], Vec (&u)[6]) {
      const Vec even = (g[0] + g[2] + g[4]) * (-1.0F / 6);
      const Vec odd = (g[1] + g[3]) * (1.0F / 6);
      const Vec even2 = g[0] * (1.0F / 24) + g[2] * (1.0F / 6) + g[4] * (2.0F / 3);
      const Vec odd2 = g[1] * (1.0F / 12) + g[3] * (1.0F / 3);
      u[0] = g[0] * 0.25F;
      u[1] = even - odd;
      u[2] = even + odd;
      u[3] = even2 + odd2;
      u[4] = even2 - odd2;
      u[5] = g[4];
    }
  };

  struct FilterGradient {
    static constexpr std::size_t kFrom = 6, kTo = 5;
    static CONVOY_INLINE void apply(const Vec (&u)[6], Vec (&g)[5]) {
      const Vec a = (u[1] + u[2]) * (-1.0F / 6);
      const Vec b = (u[2] - u[1]) * (1.0F / 6);
      const Vec c = u[3] + u[4];
      const Vec d = u[3] - u[4];
      g[0] = u[0] * 0.25F + a + c * (1.0F / 24);
      g[1] = b + d * (1.0F / 12);
      g[2] = a + c * (1.0F / 6);
      g[3] = b + d * (1.0F / 3);
      g[4] = a + c * (2.0F / 3) + u[5];
    }
  };
};

/// store(i, j, value) for the elements of T d T^T, with d(i, j) from load(i, j).
template <class Transform, class Load, class Store>
CONVOY_INLINE void transform(const Load& load, const Store& store) {
  constexpr std::size_t kFrom = Transform::kFrom;
  constexpr std::size_t kTo = Transform::kTo;
  Vec half[kTo][kFrom];  // columns done
#pragma GCC unroll 6
  for (std::size_t j = 0; j < kFrom; ++j) {
    Vec in[kFrom], out[kTo];
#pragma GCC unroll 6
    for (std::size_t i = 0; i < kFrom; ++i) in[i] = load(static_cast<int>(i), static_cast<int>(j));
    Transform::apply(in, out);
#pragma GCC unroll 6
    for (std::size_t i = 0; i < kTo; ++i) half[i][j] = out[i];
  }
#pragma GCC unroll 6
  for (std::size_t i = 0; i < kTo; ++i) {
    Vec out[kTo];
    Transform::apply(half[i], out);
#pragma GCC unroll 6
    for (std::size_t j = 0; j < kTo; ++j) store(static_cast<int>(i), static_cast<int>(j), out[j]);
  }
}

}  // namespace convoy::cpu::blocked::winograd
