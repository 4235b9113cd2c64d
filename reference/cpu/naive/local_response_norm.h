/// Local response normalisation over channels (Krizhevsky, Sutskever and Hinton 2012) in plain loops.
///
/// x may hold a halo: y's channel j belongs to x's channel j + lead, and the window of a channel is clipped at x's ends. A whole
/// tensor has lead 0 and as many channels in y as in x.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "reference/core/tensor.h"
#include "reference/cpu/checks.h"

namespace convoy::cpu::naive {

/// k + alpha / size * sum of x[n,i,h,w]^2 over the window of channels around x's channel c.
template <class T>
T response_denominator(View<const T> x, const LocalResponseNorm& norm, int n, int c, int h, int w) {
  T squares{};
  for (int i = std::max(c - norm.before(), 0); i <= std::min(c + norm.behind(), x.shape.c - 1); ++i)
    squares += x(n, i, h, w) * x(n, i, h, w);
  return static_cast<T>(norm.k) + static_cast<T>(norm.alpha / norm.size) * squares;
}

/// y[n,j,h,w] = x[n,c,h,w] d^-beta with c = j + lead and d = response_denominator(c)
/// x: [N,C,H,W]   y: [N,C2,H,W], overwritten.
template <class T>
void local_response_norm_forward(View<const T> x, View<T> y, const LocalResponseNorm& norm, int lead) {
  check_local_response_norm("naive::local_response_norm_forward", x.shape, y.shape, norm, lead);
  using std::pow;
  for (int n = 0; n < y.shape.n; ++n)
    for (int j = 0; j < y.shape.c; ++j)
      for (int h = 0; h < y.shape.h; ++h)
        for (int w = 0; w < y.shape.w; ++w)
          y(n, j, h, w) =
              x(n, j + lead, h, w) * pow(response_denominator(x, norm, n, j + lead, h, w), static_cast<T>(-norm.beta));
}

/// dx[i] = dy[i] d[i]^-beta - 2 alpha beta / size * x[i] * sum of dy[c] x[c] d[c]^(-beta - 1) over the channels c whose window
/// holds i: those from i - behind to i + before. Channels that y does not have count as dy = 0.
/// dy: [N,C2,H,W]   x, dx: [N,C,H,W]; dx overwritten in all its channels, those of the halo too.
template <class T>
void local_response_norm_backward_input(View<const T> dy, View<const T> x, View<T> dx, const LocalResponseNorm& norm, int lead) {
  check_local_response_norm("naive::local_response_norm_backward_input", x.shape, dy.shape, norm, lead);
  check_shape("naive::local_response_norm_backward_input", "dx", dx.shape, x.shape);
  using std::pow;
  const T factor = static_cast<T>(2 * norm.alpha * norm.beta / norm.size);
  std::vector<T> scaled(static_cast<std::size_t>(dy.shape.c));  // dy[c] d[c]^-beta
  std::vector<T> ratio(static_cast<std::size_t>(dy.shape.c));   // dy[c] x[c] d[c]^(-beta - 1)
  for (int n = 0; n < x.shape.n; ++n) {
    for (int h = 0; h < x.shape.h; ++h) {
      for (int w = 0; w < x.shape.w; ++w) {
        for (int j = 0; j < dy.shape.c; ++j) {
          const auto at = static_cast<std::size_t>(j);
          const T d = response_denominator(x, norm, n, j + lead, h, w);
          scaled[at] = dy(n, j, h, w) * pow(d, static_cast<T>(-norm.beta));
          ratio[at] = scaled[at] * x(n, j + lead, h, w) / d;
        }
        for (int i = 0; i < x.shape.c; ++i) {
          T sum{};
          for (int j = std::max(i - lead - norm.behind(), 0); j <= std::min(i - lead + norm.before(), dy.shape.c - 1); ++j)
            sum += ratio[static_cast<std::size_t>(j)];
          const bool inside = i >= lead && i < lead + dy.shape.c;
          dx(n, i, h, w) = (inside ? scaled[static_cast<std::size_t>(i - lead)] : T{}) - factor * x(n, i, h, w) * sum;
        }
      }
    }
  }
}

}  // namespace convoy::cpu::naive
