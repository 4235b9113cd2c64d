/// Parts of tensors: what ranks compute on some rows or channels, put together, is what one computes on the whole; and the
/// kernels that move and add parts.
#include <array>

#include "tests/catch.h"
#include "tests/cpu/operands.h"

using namespace convoy;
using namespace convoy::test;

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

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

/// A filled tensor.
template <class T>
Tensor<T> filled(const Shape& shape, std::uint64_t seed) {
  Tensor<T> tensor(shape);
  Random random(seed);
  const std::vector<double> values = different_values(shape.count(), random);
  std::transform(values.begin(), values.end(), tensor.data(), [](double v) { return static_cast<T>(static_cast<float>(v)); });
  return tensor;
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

TEST_CASE("a pooling window outside the rows of a part is refused, and so is one that does not fit the columns") {
  const Tensor<float> x({1, 1, 4, 4}, 1.0F);
  const auto refuses = [&](const Window& window, const Shape& y_shape) {
    Tensor<float> y(y_shape);
    REQUIRE_THROWS_AS(cpu::max_pool2d_forward(x.view(), y.view(), window), std::invalid_argument);
    REQUIRE_THROWS_AS(cpu::naive::max_pool2d_forward<float>(x.view(), y.view(), window), std::invalid_argument);
  };
  refuses({.kernel_h = 2, .kernel_w = 2, .extra_below = 3}, {1, 1, 6, 3});  // the last begins in row 5
  refuses({.kernel_h = 2, .kernel_w = 2, .padding_h = 2, .extra_below = -2}, {1, 1, 5, 3});
  refuses({.kernel_h = 2, .kernel_w = 5}, {1, 1, 3, 0});
  refuses({.kernel_h = 2, .kernel_w = 2, .stride_h = 0}, {1, 1, 3, 3});
}

TEST_CASE("a convolution of no channels, filters, rows or samples: y is the bias, dx is 0, nothing is added to dw") {
  const Window window = square_window(3, 1, 1);
  struct Case {
    Shape x, w, y;
  };
  const Window no_rows{.kernel_h = 3, .kernel_w = 3, .padding_h = 1, .padding_w = 1, .extra_below = -2};
  for (const Case& c : {Case{{2, 0, 4, 5}, {3, 0, 3, 3}, {2, 3, 4, 5}}, Case{{2, 4, 4, 5}, {0, 4, 3, 3}, {2, 0, 4, 5}},
                        Case{{0, 4, 4, 5}, {3, 4, 3, 3}, {0, 3, 4, 5}}, Case{{2, 0, 4, 5}, {0, 2, 3, 3}, {2, 0, 4, 5}},
                        Case{{2, 4, 0, 5}, {3, 4, 3, 3}, {2, 3, 0, 5}}, Case{{2, 4, 2, 5}, {3, 4, 3, 3}, {2, 3, 0, 5}}}) {
    CAPTURE(to_string(c.x), to_string(c.w), to_string(c.y));
    const Window& here = c.y.h == 0 ? no_rows : window;
    const Tensor<float> x = filled<float>(c.x, 1), w = filled<float>(c.w, 2), b = filled<float>({1, c.w.n, 1, 1}, 3),
                        dy = filled<float>(c.y, 4);
    const auto check = [&](auto forward, auto backward_input, auto backward_weights) {
      Tensor<float> y(c.y, static_cast<float>(kNaN)), dx(c.x, static_cast<float>(kNaN)), dw(c.w, 2.0F), db(b.shape(), 3.0F);
      forward(x.view(), w.view(), b.view(), y.view(), here);
      backward_input(dy.view(), w.view(), dx.view(), here);
      backward_weights(dy.view(), x.view(), dw.view(), db.view(), here);
      for (int k = 0; k < c.y.c; ++k) {
        float sum = 3;
        for (int n = 0; n < c.y.n; ++n)
          for (int p = 0; p < c.y.h; ++p)
            for (int q = 0; q < c.y.w; ++q) {
              REQUIRE(y.view()(n, k, p, q) == b.data()[k]);
              sum += dy.view()(n, k, p, q);
            }
        REQUIRE(db.data()[k] == Approx(sum));
      }
      REQUIRE(std::all_of(dx.data(), dx.data() + dx.count(), [](float v) { return v == 0; }));
      REQUIRE(std::all_of(dw.data(), dw.data() + dw.count(), [](float v) { return v == 2; }));
    };
    check(cpu::conv2d_forward, cpu::conv2d_backward_input, cpu::conv2d_backward_weights);
    check(cpu::naive::conv2d_forward<float>, cpu::naive::conv2d_backward_input<float>,
          cpu::naive::conv2d_backward_weights<float>);
  }
}

TEST_CASE("a linear layer of no outputs, inputs or samples: y is the bias, dx is 0, nothing is added to dw") {
  struct Case {
    int samples, inputs, outputs;
  };
  for (const Case& c : {Case{3, 0, 5}, Case{3, 4, 0}, Case{0, 4, 5}, Case{20, 0, 5}, Case{20, 400, 0}}) {
    CAPTURE(c.samples, c.inputs, c.outputs);
    const Tensor<float> x = filled<float>({c.samples, c.inputs, 1, 1}, 1), w = filled<float>({c.outputs, c.inputs, 1, 1}, 2),
                        b = filled<float>({1, c.outputs, 1, 1}, 3), dy = filled<float>({c.samples, c.outputs, 1, 1}, 4);
    const auto check = [&](auto forward, auto backward_input, auto backward_weights) {
      Tensor<float> y(dy.shape(), static_cast<float>(kNaN)), dx(x.shape(), static_cast<float>(kNaN)), dw(w.shape(), 2.0F),
          db(b.shape(), 3.0F);
      forward(x.view(), w.view(), b.view(), y.view());
      backward_input(dy.view(), w.view(), dx.view());
      backward_weights(dy.view(), x.view(), dw.view(), db.view());
      for (int k = 0; k < c.outputs; ++k) {
        float sum = 3;
        for (int n = 0; n < c.samples; ++n) {
          REQUIRE(y.view()(n, k, 0, 0) == b.data()[k]);
          sum += dy.view()(n, k, 0, 0);
        }
        REQUIRE(db.data()[k] == Approx(sum));
      }
      REQUIRE(std::all_of(dx.data(), dx.data() + dx.count(), [](float v) { return v == 0; }));
      REQUIRE(std::all_of(dw.data(), dw.data() + dw.count(), [](float v) { return v == 2; }));
    };
    check(cpu::linear_forward, cpu::linear_backward_input, cpu::linear_backward_weights);
    check(cpu::naive::linear_forward<float>, cpu::naive::linear_backward_input<float>,
          cpu::naive::linear_backward_weights<float>);
  }
}

TEST_CASE("filters and channels that groups do not divide are refused") {
  Tensor<float> x({1, 6, 4, 4}), y({1, 4, 4, 4}), w({4, 2, 1, 1});  // 3 groups, 4 filters
  REQUIRE_THROWS_AS(cpu::conv2d_forward(x.view(), w.view(), {}, y.view(), Window{}), std::invalid_argument);
  w = Tensor<float>({4, 4, 1, 1});  // 4 of 6 channels
  REQUIRE_THROWS_AS(cpu::conv2d_forward(x.view(), w.view(), {}, y.view(), Window{}), std::invalid_argument);
  REQUIRE_THROWS_AS(cpu::naive::conv2d_forward<float>(x.view(), w.view(), {}, y.view(), Window{}), std::invalid_argument);
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

TEST_CASE("parts are copied and added to their place, and nothing else changes; fast equals naive") {
  const Shape from_shape{4, 6, 9, 7}, to_shape{5, 6, 9, 7}, large_shape{5, 8, 11, 7};
  Random random(6);
  const auto block = [&](int from, int to) {  // first in `from`, first in `to`, count
    const int count = static_cast<int>(random.below(std::min(from, to) + 1));
    return std::array{static_cast<int>(random.below(from - count + 1)), static_cast<int>(random.below(to - count + 1)), count};
  };
  for (int i = 0; i < 200; ++i) {
    const Shape& target = i % 2 == 0 ? to_shape : large_shape;
    const auto [n0, n1, n] = block(from_shape.n, target.n);
    auto [c0, c1, c] = block(from_shape.c, target.c);
    auto [h0, h1, h] = block(from_shape.h, target.h);
    if (i % 4 == 0) h0 = h1 = 0, h = from_shape.h;  // whole channels
    if (i % 8 == 0) c0 = c1 = 0, c = from_shape.c;  // whole samples
    const cpu::Part part{n0, c0, h0, n1, c1, h1, n, c, h};
    const Tensor<float> from = filled<float>(from_shape, 1);
    for (const bool adds : {false, true}) {
      Tensor<float> got = filled<float>(target, 2), expected = filled<float>(target, 2), naive = filled<float>(target, 2);
      for (int a = 0; a < n; ++a)
        for (int b = 0; b < c; ++b)
          for (int r = 0; r < h; ++r)
            for (int w = 0; w < 7; ++w) {
              float& to = expected.view()(n1 + a, c1 + b, h1 + r, w);
              const float value = from.view()(n0 + a, c0 + b, h0 + r, w);
              to = adds ? to + value : value;
            }
      (adds ? cpu::add_part : cpu::copy_part)(from.view(), got.view(), part);
      (adds ? cpu::naive::add_part<float> : cpu::naive::copy_part<float>)(from.view(), naive.view(), part);
      CAPTURE(i, adds, n, c, h);
      REQUIRE(relative_difference(got, expected) == 0);
      REQUIRE(relative_difference(naive, expected) == 0);
    }
  }
}

TEST_CASE("large parts are divided among threads without loss") {
  const Shape from_shape{3, 40, 50, 33}, to_shape{3, 44, 60, 33};
  const Tensor<float> from = filled<float>(from_shape, 1);
  for (const int threads : {1, 2, 3, 7}) {
    const Threads scope(threads);
    for (const cpu::Part& part : {cpu::Part{0, 1, 2, 0, 3, 9, 3, 37, 41}, cpu::Part{0, 0, 0, 0, 4, 10, 3, 40, 50}}) {
      Tensor<float> got(to_shape, 1.0F), expected(to_shape, 1.0F);
      cpu::copy_part(from.view(), got.view(), part);
      cpu::naive::copy_part<float>(from.view(), expected.view(), part);
      REQUIRE(relative_difference(got, expected) == 0);
      cpu::add_part(from.view(), got.view(), part);
      cpu::naive::add_part<float>(from.view(), expected.view(), part);
      REQUIRE(relative_difference(got, expected) == 0);
    }
    Tensor<float> same(from_shape, static_cast<float>(kNaN));
    cpu::copy_part(from.view(), same.view(), {.n = 3, .c = 40, .h = 50});  // one run
    REQUIRE(relative_difference(same, from) == 0);
  }
}

TEST_CASE("parts that do not lie in their tensors, or whose rows differ, are refused") {
  Tensor<float> from({2, 3, 4, 5}), to({2, 3, 4, 5}), narrow({2, 3, 4, 4});
  const auto refuses = [&](const cpu::Part& part) {
    REQUIRE_THROWS_AS(cpu::copy_part(from.view(), to.view(), part), std::invalid_argument);
    REQUIRE_THROWS_AS(cpu::add_part(from.view(), to.view(), part), std::invalid_argument);
    REQUIRE_THROWS_AS(cpu::naive::copy_part<float>(from.view(), to.view(), part), std::invalid_argument);
    REQUIRE_THROWS_AS(cpu::naive::add_part<float>(from.view(), to.view(), part), std::invalid_argument);
  };
  refuses({.n = 3, .c = 1, .h = 1});
  refuses({.n = 1, .c = 4, .h = 1});
  refuses({.n = 1, .c = 1, .h = 5});
  refuses({.from_n = 1, .n = 2, .c = 1, .h = 1});
  refuses({.to_c = 1, .n = 2, .c = 3, .h = 1});
  refuses({.from_h = -1, .n = 1, .c = 1, .h = 1});
  refuses({.n = 1, .c = -1, .h = 1});
  REQUIRE_THROWS_AS(cpu::copy_part(from.view(), narrow.view(), {.n = 1, .c = 1, .h = 1}), std::invalid_argument);
}

TEST_CASE("a sum of one to five tensors, also into the first of them") {
  const Shape shape{3, 7, 60, 61};
  for (const int threads : {1, 3}) {
    const Threads scope(threads);
    for (std::size_t count = 1; count <= 5; ++count) {
      std::vector<Tensor<float>> tensors;
      std::vector<View<const float>> views;
      for (std::size_t i = 0; i < count; ++i) tensors.push_back(filled<float>(shape, i + 1));
      for (const Tensor<float>& tensor : tensors) views.push_back(tensor.view());
      Tensor<float> naive(shape, static_cast<float>(kNaN)), got(shape, static_cast<float>(kNaN));
      cpu::naive::sum<float>(views, naive.view());
      float by_hand = 0;
      for (const Tensor<float>& tensor : tensors) by_hand += tensor.data()[1234];
      REQUIRE(naive.data()[1234] == by_hand);
      cpu::sum(views, got.view());
      REQUIRE(relative_difference(got, naive) == 0);
      cpu::sum(views, tensors[0].view());
      REQUIRE(relative_difference(tensors[0], naive) == 0);
    }
  }
  Tensor<float> x({1, 2, 3, 4}), y({1, 2, 4, 3});
  const std::vector<View<const float>> one = {x.view()};
  REQUIRE_THROWS_AS(cpu::sum({}, y.view()), std::invalid_argument);
  REQUIRE_THROWS_AS(cpu::sum(one, y.view()), std::invalid_argument);
  REQUIRE_THROWS_AS(cpu::naive::sum<float>({}, y.view()), std::invalid_argument);
  REQUIRE_THROWS_AS(cpu::naive::sum<float>(one, y.view()), std::invalid_argument);
}

TEST_CASE("a bias on its own is that of the convolution") {
  const Shape shape{3, 5, 41, 67};
  const Tensor<float> b = filled<float>({1, 5, 1, 1}, 1), dy = filled<float>(shape, 2);
  for (const int threads : {1, 3}) {
    const Threads scope(threads);
    Tensor<float> y = filled<float>(shape, 3), naive = filled<float>(shape, 3), db({1, 5, 1, 1}, 2.0F);
    Tensor<double> dy64(shape), db64({1, 5, 1, 1}, 2.0);
    std::copy_n(dy.data(), dy.count(), dy64.data());
    cpu::add_bias(b.view(), y.view());
    cpu::naive::add_bias<float>(b.view(), naive.view());
    REQUIRE(relative_difference(y, naive) == 0);
    REQUIRE(y.view()(2, 3, 40, 66) == filled<float>(shape, 3).view()(2, 3, 40, 66) + b.data()[3]);
    cpu::bias_backward(dy.view(), db.view());
    cpu::naive::bias_backward<double>(dy64.view(), db64.view());
    REQUIRE(relative_difference(db, db64) <= 1e-5);
    double sum = 2;
    for (int n = 0; n < 3; ++n)
      for (int i = 0; i < 41 * 67; ++i) sum += dy64.view()(n, 4, 0, i);
    REQUIRE(db64.data()[4] == Approx(sum));
  }
  Tensor<float> wrong({1, 4, 1, 1}), y(shape);
  REQUIRE_THROWS_AS(cpu::add_bias(wrong.view(), y.view()), std::invalid_argument);
  REQUIRE_THROWS_AS(cpu::bias_backward(y.view(), wrong.view()), std::invalid_argument);
}
