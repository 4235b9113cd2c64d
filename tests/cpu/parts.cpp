/// Parts of tensors: what ranks compute on some rows or channels, put together, is what one computes on the whole.
#include "tests/catch.h"
#include "tests/cpu/filled.h"
#include "tests/cpu/operands.h"

using namespace convoy;
using namespace convoy::test;

namespace {

/// Output rows [output.offset, output.end()) of a window, the input rows that they read, and the window of that part.
struct RowPart {
  Slice output, input;
  Window window;
};

RowPart row_part(const Window& window, int h, const Slice& output) {
  const std::int64_t first = output.offset * window.stride_h - window.padding_h;
  const std::int64_t end = (output.end() - 1) * window.stride_h - window.padding_h + window.kernel_h;
  RowPart part{output, {0, 0}, window};
  if (output.count == 0) return part;
  part.input.offset = std::max<std::int64_t>(first, 0);
  part.input.count = std::min<std::int64_t>(end, h) - part.input.offset;
  part.window.padding_h = static_cast<int>(part.input.offset - first);
  part.window.extra_below = static_cast<int>(end - part.input.end()) - part.window.padding_h;
  return part;
}

template <class T>
Tensor<T> rows_of(const Tensor<T>& x, const Slice& rows) {
  Tensor<T> part({x.shape().n, x.shape().c, static_cast<int>(rows.count), x.shape().w}, static_cast<T>(kNaN));
  cpu::naive::copy_part<T>(
      x.view(), part.view(),
      {.from_h = static_cast<int>(rows.offset), .n = x.shape().n, .c = x.shape().c, .h = static_cast<int>(rows.count)});
  return part;
}
template <class T>
void add_rows(const Tensor<T>& part, const Slice& rows, Tensor<T>& to) {
  const Shape& shape = part.shape();
  cpu::naive::add_part<T>(part.view(), to.view(),
                          {.to_h = static_cast<int>(rows.offset), .n = shape.n, .c = shape.c, .h = shape.h});
}

Layer with_window(Layer layer, const Window& window) {
  if (auto* conv = std::get_if<Conv2d>(&layer)) conv->window = window;
  if (auto* pool = std::get_if<MaxPool2d>(&layer)) pool->window = window;
  return layer;
}

/// All passes of a layer in parts by output rows; y, dx, dw and db put together must be those of the whole.
template <class Kernels, class T>
void check_rows(const Layer& layer, const Window& window, const Shape& shape, int parts, double tolerance) {
  INFO(describe(layer) << " on " << to_string(shape) << " in " << parts << " parts");
  Operands<T> whole(with_window(layer, window), shape, 3);
  Operands<T> sums(whole.layer, shape, 3);  // dw and db start from the same values
  run_all<Kernels>(whole);
  Tensor<T> y(whole.y.shape());
  Tensor<T> dx(shape);
  for (int i = 0; i < parts; ++i) {
    const RowPart part = row_part(window, shape.h, shard(whole.y.shape().h, parts, i));
    if (part.output.count == 0) continue;
    Operands<T> o(with_window(layer, part.window), {shape.n, shape.c, static_cast<int>(part.input.count), shape.w}, 4);
    REQUIRE(o.y.shape().h == part.output.count);
    o.x = rows_of(whole.x, part.input);
    o.dy = rows_of(whole.dy, part.output);
    std::copy_n(whole.w.data(), whole.w.count(), o.w.data());
    std::copy_n(whole.b.data(), whole.b.count(), o.b.data());
    std::swap(o.dw, sums.dw);
    std::swap(o.db, sums.db);
    run_all<Kernels>(o);
    std::swap(o.dw, sums.dw);
    std::swap(o.db, sums.db);
    add_rows(o.y, part.output, y);
    add_rows(o.dx, part.input, dx);
  }
  REQUIRE(relative_difference(y, whole.y) <= tolerance);
  REQUIRE(relative_difference(dx, whole.dx) <= tolerance);
  REQUIRE(relative_difference(sums.dw, whole.dw) <= tolerance);
  REQUIRE(relative_difference(sums.db, whole.db) <= tolerance);
}

}  // namespace

TEST_CASE("convolutions and pools on parts by rows, put together, are those on whole images") {
  const std::vector<Window> windows = {square_window(3, 1, 1), square_window(5, 1, 2),  square_window(3, 2, 1),
                                       square_window(2, 2),    square_window(1, 2),     square_window(2, 3),
                                       square_window(5, 3, 4), Window{4, 3, 2, 1, 3, 0}};
  for (const Window& window : windows) {
    for (const int h : {5, 12, 17}) {
      if (h + 2 * window.padding_h < window.kernel_h) continue;
      for (const int parts : {1, 2, 3, 5, 40}) {  // 40: some have no row
        const Shape shape{2, 6, h, 7};
        for (const Layer& layer :
             {Layer{Conv2d{4}}, Layer{Conv2d{6, {}, true, 2}}, Layer{Conv2d{12, {}, false, 6}}, Layer{MaxPool2d{}}}) {
          check_rows<Naive<double>, double>(layer, window, shape, parts, 1e-13);
          check_rows<Fast, float>(layer, window, shape, parts, 1e-5);
        }
      }
    }
  }
}

TEST_CASE("local response normalisation of channels with a halo is that of the whole, and gradients add up to its gradient") {
  const Shape shape{2, 11, 3, 5};
  for (const LocalResponseNorm& norm :
       {LocalResponseNorm{5, 1.5, 0.75, 1.0}, LocalResponseNorm{4, 2.0, 0.5, 0.75}, LocalResponseNorm{1, 1.0, 1.0, 1.0}}) {
    Operands<double> whole(norm, shape, 1);
    run_all<Naive<double>>(whole);
    for (const int parts : {1, 2, 3, 11}) {
      Tensor<double> y(shape), dx(shape);
      Tensor<double> fast_y(shape), fast_dx(shape);
      for (int i = 0; i < parts; ++i) {
        const Slice own = shard(shape.c, parts, i);
        const int first = std::max(static_cast<int>(own.offset) - norm.before(), 0);
        const int end = std::min(static_cast<int>(own.end()) + norm.behind(), shape.c);
        const int lead = static_cast<int>(own.offset) - first;
        const Shape halo{shape.n, end - first, shape.h, shape.w};
        const Shape mine{shape.n, static_cast<int>(own.count), shape.h, shape.w};
        const cpu::Part in{.from_c = first, .n = halo.n, .c = halo.c, .h = halo.h};
        const cpu::Part out{.from_c = static_cast<int>(own.offset), .n = mine.n, .c = mine.c, .h = mine.h};
        const auto check = [&](auto zero, auto forward, auto backward, auto& all_y, auto& all_dx) {
          using T = decltype(zero);
          Tensor<T> source(shape), gradient(shape), x(halo), dy(mine), part_y(mine, static_cast<T>(kNaN)),
              part_dx(halo, static_cast<T>(kNaN));
          std::copy_n(whole.x.data(), shape.count(), source.data());
          std::transform(whole.dy.data(), whole.dy.data() + shape.count(), gradient.data(),
                         [](double v) { return static_cast<T>(v); });
          cpu::naive::copy_part<T>(source.view(), x.view(), in);
          cpu::naive::copy_part<T>(gradient.view(), dy.view(), out);
          forward(x.view(), part_y.view(), norm, lead);
          backward(dy.view(), x.view(), part_dx.view(), norm, lead);
          for (std::int64_t at = 0; at < part_y.count(); ++at) REQUIRE(std::isfinite(part_y.data()[at]));
          Tensor<double> y64(mine), dx64(halo);
          std::copy_n(part_y.data(), part_y.count(), y64.data());
          std::copy_n(part_dx.data(), part_dx.count(), dx64.data());
          cpu::naive::add_part<double>(y64.view(), all_y.view(), reversed(out));
          cpu::naive::add_part<double>(dx64.view(), all_dx.view(), reversed(in));
        };
        check(0.0, cpu::naive::local_response_norm_forward<double>, cpu::naive::local_response_norm_backward_input<double>, y,
              dx);
        check(0.0F, cpu::local_response_norm_forward, cpu::local_response_norm_backward_input, fast_y, fast_dx);
      }
      CAPTURE(norm.size, parts);
      REQUIRE(relative_difference(y, whole.y) <= 1e-14);
      REQUIRE(relative_difference(dx, whole.dx) <= 1e-14);
      REQUIRE(relative_difference(fast_y, whole.y) <= 1e-5);
      REQUIRE(relative_difference(fast_dx, whole.dx) <= 1e-5);
    }
  }
  Tensor<float> x({1, 4, 2, 2}, 1.0F), y({1, 3, 2, 2});
  for (const int lead : {-1, 2, 100}) {
    REQUIRE_THROWS_AS(cpu::local_response_norm_forward(x.view(), y.view(), {}, lead), std::invalid_argument);
    REQUIRE_THROWS_AS(cpu::naive::local_response_norm_forward<float>(x.view(), y.view(), {}, lead), std::invalid_argument);
  }
}

TEST_CASE("global average pools of parts by rows add up to that of the whole image; no rows give 0") {
  const Shape shape{3, 5, 7, 6};
  const Tensor<double> x = filled<double>(shape, 1);
  Tensor<double> whole({3, 5, 1, 1}, kNaN), total({3, 5, 1, 1});
  cpu::naive::global_avg_pool2d_forward<double>(x.view(), whole.view(), 42);
  for (const Slice& rows : {Slice{0, 3}, Slice{3, 0}, Slice{3, 4}}) {
    const Tensor<double> part = rows_of(x, rows);
    Tensor<double> y({3, 5, 1, 1}, kNaN);
    cpu::naive::global_avg_pool2d_forward<double>(part.view(), y.view(), 42);
    for (std::int64_t i = 0; i < y.count(); ++i) total.data()[i] += y.data()[i];
  }
  REQUIRE(relative_difference(total, whole) <= 1e-14);
  Tensor<float> nothing({3, 5, 0, 6}), y({3, 5, 1, 1}, static_cast<float>(kNaN)), wrong({3, 4, 1, 1});
  cpu::global_avg_pool2d_forward(nothing.view(), y.view(), 42);
  REQUIRE(std::all_of(y.data(), y.data() + y.count(), [](float v) { return v == 0; }));
  REQUIRE_NOTHROW(cpu::global_avg_pool2d_backward_input(y.view(), nothing.view(), 42));
  REQUIRE_THROWS_AS(cpu::global_avg_pool2d_forward(nothing.view(), wrong.view(), 42), std::invalid_argument);
  REQUIRE_THROWS_AS(cpu::global_avg_pool2d_forward(nothing.view(), y.view(), 0), std::invalid_argument);
}

TEST_CASE("dropout drops the same elements however channels and rows are divided") {
  const Shape shape{2, 5, 6, 7};
  const Tensor<float> x = filled<float>(shape, 1);
  Tensor<float> whole(shape, static_cast<float>(kNaN)), parts(shape, static_cast<float>(kNaN)), naive(shape);
  cpu::dropout_forward(x.view(), whole.view(), 0.4, kKey);
  for (const Slice& channels : {Slice{0, 2}, Slice{2, 3}}) {
    for (const Slice& rows : {Slice{0, 1}, Slice{1, 5}}) {
      const cpu::Part part{.from_c = static_cast<int>(channels.offset),
                           .from_h = static_cast<int>(rows.offset),
                           .n = 2,
                           .c = static_cast<int>(channels.count),
                           .h = static_cast<int>(rows.count)};
      Tensor<float> some({2, part.c, part.h, 7});
      cpu::copy_part(x.view(), some.view(), part);
      cpu::DropoutKey key = kKey;
      key.first_channel = part.from_c;
      key.first_row = part.from_h;
      Tensor<float> dropped(some.shape());
      cpu::naive::dropout_forward<float>(some.view(), dropped.view(), 0.4, key);
      cpu::copy_part(dropped.view(), naive.view(), reversed(part));
      cpu::dropout_forward(some.view(), some.view(), 0.4, key);
      cpu::copy_part(some.view(), parts.view(), reversed(part));
    }
  }
  REQUIRE(relative_difference(parts, whole) == 0);
  REQUIRE(relative_difference(naive, whole) == 0);
}
