/// The check of lesson 5: compares with the plain kernels of reference/cpu/naive, which are compared with finite differences
/// first.
#include <algorithm>
#include <cmath>
#include <string>

#include "exercise.h"
#include "lessons/lesson.h"

namespace convoy::lesson {
namespace {

/// One convolution with its operands.
struct Case {
  const char* name;
  Plane x, w, dy;
  Window window;
};

/// Numbers that differ at every place.
Plane filled(int rows, int columns, double start) {
  Plane plane = zeros(rows, columns);
  for (std::size_t i = 0; i < plane.values.size(); ++i) plane.values[i] = std::sin(start + 1.7 * static_cast<double>(i));
  return plane;
}

Case make_case(const char* name, int rows, int columns, Window window) {
  return {name, filled(rows, columns, 0.3), filled(window.kernel_h, window.kernel_w, 1.1),
          filled(window.output_h(rows), window.output_w(columns), 2.9), window};
}

struct Gradients {
  Plane dx, dw;
};

Gradients right(const Case& c) {
  Gradients g{zeros(c.x.rows, c.x.columns), zeros(c.w.rows, c.w.columns)};
  cpu::naive::conv2d_backward_input<double>(c.dy.view(), c.w.view(), g.dx.view(), c.window);
  cpu::naive::conv2d_backward_weights<double>(c.dy.view(), c.x.view(), g.dw.view(), {}, c.window);
  return g;
}

/// What comes out when every product goes to place(p, q, r, s) of dx, or is left out; a typical mistake.
template <class Place>
Plane scattered(const Case& c, const Place& place) {
  Plane dx = zeros(c.x.rows, c.x.columns);
  for (int p = 0; p < c.dy.rows; ++p)
    for (int q = 0; q < c.dy.columns; ++q)
      for (int r = 0; r < c.w.rows; ++r)
        for (int s = 0; s < c.w.columns; ++s) {
          const auto [row, column] = place(p, q, r, s);
          if (dx.has(row, column)) dx.at(row, column) += c.w.at(r, s) * c.dy.at(p, q);
        }
  return dx;
}

bool same(const Plane& a, const Plane& b, double factor = 1) {
  for (std::size_t i = 0; i < a.values.size(); ++i)
    if (!(std::abs(a.values[i] - factor * b.values[i]) <= 1e-12)) return false;
  return true;
}

std::string likely_mistake(const Case& c, const Gradients& got, const Gradients& wanted) {
  using Place = std::pair<int, int>;
  const Window& n = c.window;
  const int pad = n.padding_h;
  const auto places = static_cast<double>(c.dy.values.size());
  if (same(got.dx, zeros(c.x.rows, c.x.columns)))
    return "dx is full of zeros so far: open exercise.cpp and add to it what each number of dy brings.";
  if (same(got.dx, wanted.dx) && same(got.dw, wanted.dw, 1 / places))
    return "dx is right, and dw is a mean where a sum belongs: every place at which w[r,s] is used adds its part.";
  if (same(got.dx, wanted.dx)) return "dx is right, dw is not. What does w[r,s] meet on its way into y[p,q]?";
  const Plane turned = scattered(c, [&](int p, int q, int r, int s) {
    return Place(p * n.stride_h + c.w.rows - 1 - r - pad, q * n.stride_w + c.w.columns - 1 - s - pad);
  });
  if (same(got.dw, wanted.dw) && same(got.dx, turned))
    return "dw is right, and dx uses the filter turned around. Who walks over dy and adds to dx meets w as it stands; it appears "
           "turned "
           "only to who walks over dx and asks dy.";
  if (same(got.dx, scattered(c, [&](int p, int q, int r, int s) { return Place(p + r - pad, q + s - pad); })) && n.stride_h > 1)
    return "This forgets the stride: window p begins at row p*stride - padding.";
  if (same(got.dx, scattered(c, [&](int p, int q, int r, int s) { return Place(p * n.stride_h + r, q * n.stride_w + s); })))
    return "This forgets the padding: window 0 begins `padding` rows above the first row of x.";
  const Plane wrapped = scattered(c, [&](int p, int q, int r, int s) {
    return Place((p * n.stride_h + r - pad + c.x.rows) % c.x.rows, (q * n.stride_w + s - pad + c.x.columns) % c.x.columns);
  });
  if (same(got.dx, wrapped)) return "In this lesson the edge of the image is not its other side: what is not there counts as 0.";
  return "Is something overwritten that should be added to? A number of x is used in several windows, and every one of them "
         "counts.";
}

void check_one(const Case& c) {
  const Gradients wanted = right(c);
  Gradients got{zeros(c.x.rows, c.x.columns), zeros(c.w.rows, c.w.columns)};
  convolution_gradients(c.x, c.w, c.dy, c.window.stride_h, c.window.padding_h, got.dx, got.dw);
  if (got.dx.values.size() != wanted.dx.values.size() || got.dw.values.size() != wanted.dw.values.size())
    throw NotYet(cat(c.name, ": dx or dw has another size than it came with."));
  if (same(got.dx, wanted.dx) && same(got.dw, wanted.dw)) return;
  throw NotYet(cat(c.name, ":\n", likely_mistake(c, got, wanted)));
}

/// The kernels that this check believes, held against finite differences of the forward pass.
void check_the_check(const Case& c) {
  const Gradients g = right(c);
  const auto loss = [&](const Plane& x) {
    const Plane y = convolve(x, c.w, c.window);
    double sum = 0;
    for (std::size_t i = 0; i < y.values.size(); ++i) sum += y.values[i] * c.dy.values[i];
    return sum;
  };
  for (std::size_t i = 0; i < c.x.values.size(); ++i) {
    Plane up = c.x;
    Plane down = c.x;
    up.values[i] += 1e-5;
    down.values[i] -= 1e-5;
    if (!(std::abs((loss(up) - loss(down)) / 2e-5 - g.dx.values[i]) <= 1e-8)) throw std::logic_error("the check itself is wrong");
  }
}

void check_all() {
  const Case cases[] = {
      make_case("a 3x3 filter on a 5x6 image", 5, 6, square_window(3)),
      make_case("the same with stride 2", 7, 5, square_window(3, 2)),
      make_case("the same with padding 1", 4, 5, square_window(3, 1, 1)),
      make_case("a 5x5 filter with stride 3 and padding 2", 9, 8, square_window(5, 3, 2)),
  };
  for (const Case& c : cases) check_the_check(c);
  for (const Case& c : cases) check_one(c);
}

}  // namespace
}  // namespace convoy::lesson

int main() { return convoy::lesson::check(convoy::lesson::check_all); }
