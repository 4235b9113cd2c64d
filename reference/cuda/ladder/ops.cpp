#include <algorithm>

#include "reference/cpu/naive/kernels.h"
#include "reference/cuda/ladder/rung.h"

namespace convoy::cuda::ladder {
namespace {

namespace naive = cpu::naive;

double floats(const Size& s) { return static_cast<double>(s.first.count() + s.second.count() + s.out.count()); }
double bytes_once(const Size& s) { return 4 * floats(s); }
double bytes_with_out_read(const Size& s) { return 4 * (floats(s) + static_cast<double>(s.out.count())); }

Size gemm(int m, int n, int k, std::string_view where = "") { return {{m, k, 1, 1}, {k, n, 1, 1}, {m, n, 1, 1}, {}, where}; }
Size forward(const Shape& x, int filters, const Window& window, std::string_view where = "", int groups = 1) {
  return {x, {filters, x.c / groups, window.kernel_h, window.kernel_w}, {x.n, filters, window.output_h(x.h), window.output_w(x.w)}, window, where};
}
Size backward_input(const Shape& x, int filters, const Window& window, std::string_view where = "") {
  const Size f = forward(x, filters, window);
  return {f.out, f.second, x, window, where};
}
Size backward_weights(const Shape& x, int filters, const Window& window, std::string_view where = "") {
  const Size f = forward(x, filters, window);
  return {f.out, x, f.second, window, where};
}
Size pool(const Shape& x, const Window& window, std::string_view where = "") {
  return {x, {0, 0, 0, 0}, {x.n, x.c, window.output_h(x.h), window.output_w(x.w)}, window, where};
}
Size same(const Shape& x, std::string_view where = "") { return {x, {0, 0, 0, 0}, x, {}, where}; }

double gemm_flops(const Size& s) { return 2.0 * s.first.n * s.first.c * s.second.c; }
double forward_flops(const Size& s) { return 2.0 * static_cast<double>(s.out.count()) * s.second.c * s.second.h * s.second.w; }
double backward_input_flops(const Size& s) { return 2.0 * static_cast<double>(s.first.count()) * s.second.c * s.second.h * s.second.w; }
double backward_weights_flops(const Size& s) { return 2.0 * static_cast<double>(s.first.count()) * s.out.c * s.out.h * s.out.w; }
double pool_flops(const Size& s) { return static_cast<double>(s.out.count()) * s.window.kernel_h * s.window.kernel_w; }
double norm_flops(const Size& s) { return 5.0 * static_cast<double>(s.first.count()); }
double norm_bytes(const Size& s) { return 12.0 * static_cast<double>(s.first.count()); }
double softmax_flops(const Size& s) { return 5.0 * static_cast<double>(s.first.count()); }
double add_flops(const Size& s) { return static_cast<double>(s.first.count()); }

/// The same parts as weight_splits() makes, at most: an upper bound that does not need the kernel's header.
std::int64_t parts_floats(const Size& s) {
  const std::int64_t pixels = std::int64_t{s.first.n} * s.first.h * s.first.w;
  return std::min<std::int64_t>(256, std::max<std::int64_t>(1, pixels / 1024)) * s.out.count();
}

template <class T>
void multiply(const Size&, View<const T> a, View<const T> b, View<T> c) {
  for (int i = 0; i < c.shape.n; ++i)
    for (int j = 0; j < c.shape.c; ++j) {
      T sum{};
      for (int k = 0; k < a.shape.c; ++k) sum += a(i, k, 0, 0) * b(k, j, 0, 0);
      c(i, j, 0, 0) = sum;
    }
}
template <class T>
void convolve(const Size& s, View<const T> x, View<const T> w, View<T> y) {
  naive::conv2d_forward<T>(x, w, {}, y, s.window);
}
template <class T>
void convolve_back(const Size& s, View<const T> dy, View<const T> w, View<T> dx) {
  naive::conv2d_backward_input<T>(dy, w, dx, s.window);
}
template <class T>
void convolve_weights(const Size& s, View<const T> dy, View<const T> x, View<T> dw) {
  naive::conv2d_backward_weights<T>(dy, x, dw, {}, s.window);
}
template <class T>
void normalise(const Size& s, View<const T> x, View<const T>, View<T> y) {
  std::vector<double> sums(static_cast<std::size_t>(2 * s.first.c + 1));
  const Tensor<T> one({1, s.first.c, 1, 1}, T{1});
  const Tensor<T> zero({1, s.first.c, 1, 1});
  naive::batch_norm2d_statistics<T>(x, sums);
  naive::batch_norm2d_forward<T>(x, one.view(), zero.view(), sums, 1e-5, y);
}
template <class T>
void find_largest(const Size& s, View<const T> x, View<const T>, View<T> y) {
  naive::max_pool2d_forward<T>(x, y, s.window);
}
template <class T>
void soften(const Size& s, View<const T> x, View<const T>, View<T> y) {
  const std::vector<int> labels(static_cast<std::size_t>(s.first.n), 0);
  naive::softmax_cross_entropy_forward<T>(x, labels, y, {});
}
template <class T>
void add(const Size&, View<const T> from, View<const T>, View<T> to) {
  for (std::int64_t i = 0; i < to.count(); ++i) to.data[i] += from.data[i];
}

const Op kOps[] = {
    {"gemm", "C = A B, [M,K] times [K,N], 2 M N K FLOPs", gemm_flops, bytes_once,
     [] { return std::vector<Size>{gemm(1024, 1024, 1024, "square"), gemm(64, 3136, 576, "ResNet-50, stage 1, as GEMM")}; },
     [] { return std::vector<Size>{gemm(33, 45, 19), gemm(70, 67, 37), gemm(1, 130, 5), gemm(65, 4, 16)}; },
     [] { return gemm(64, 128, 32); }, false, true, nullptr, multiply<double>, multiply<float>},
    {"conv2d_forward", "y = x (*) w, 2 N K P Q C R S FLOPs", forward_flops, bytes_once,
     [] {
       return std::vector<Size>{forward({32, 64, 56, 56}, 64, square_window(3, 1, 1), "ResNet-50, stage 1"),
                                forward({32, 256, 14, 14}, 256, square_window(3, 1, 1), "ResNet-50, stage 3")};
     },
     [] {
       return std::vector<Size>{forward({2, 5, 9, 11}, 7, square_window(3, 1, 1)), forward({1, 3, 13, 35}, 5, square_window(5, 1, 2)),
                                forward({2, 3, 11, 10}, 33, square_window(3, 2, 1)), forward({3, 17, 5, 3}, 6, square_window(1))};
     },
     [] { return forward({1, 16, 10, 34}, 64, square_window(3)); }, false, true, nullptr, convolve<double>, convolve<float>},
    {"conv2d_backward_input", "dx = dy (*) w turned round, 2 N K P Q C R S FLOPs", backward_input_flops, bytes_once,
     [] { return std::vector<Size>{backward_input({32, 64, 56, 56}, 64, square_window(3, 1, 1), "ResNet-50, stage 1")}; },
     [] {
       return std::vector<Size>{backward_input({2, 5, 9, 11}, 7, square_window(3, 1, 1)), backward_input({2, 3, 11, 10}, 9, square_window(3, 2, 1)),
                                backward_input({2, 3, 7, 5}, 5, square_window(1, 2))};
     },
     [] { return backward_input({1, 64, 8, 8}, 16, square_window(1)); }, false, true, nullptr, convolve_back<double>, convolve_back<float>},
    {"conv2d_backward_weights", "dw += dy (*) x, 2 N K P Q C R S FLOPs", backward_weights_flops, bytes_with_out_read,
     [] { return std::vector<Size>{backward_weights({32, 64, 56, 56}, 64, square_window(3, 1, 1), "ResNet-50, stage 1")}; },
     [] {
       return std::vector<Size>{backward_weights({2, 5, 9, 11}, 7, square_window(3, 1, 1)), backward_weights({2, 3, 11, 10}, 9, square_window(3, 2, 1)),
                                backward_weights({3, 2, 29, 31}, 3, square_window(1))};
     },
     [] { return backward_weights({1, 64, 8, 8}, 64, square_window(1)); }, true, true, parts_floats, convolve_weights<double>, convolve_weights<float>},
    {"batch_norm2d", "y = (x - mean) / deviation by channel", norm_flops, norm_bytes,
     [] { return std::vector<Size>{same({32, 64, 56, 56}, "ResNet-50, stage 1"), same({32, 1024, 14, 14}, "ResNet-50, stage 3")}; },
     [] { return std::vector<Size>{same({3, 5, 7, 9}), same({2, 33, 17, 19})}; }, [] { return same({2, 32, 16, 16}); }, false, false,
     nullptr, normalise<double>, normalise<float>},
    {"max_pool2d", "y = largest x of every window", pool_flops, bytes_once,
     [] { return std::vector<Size>{pool({32, 64, 112, 112}, square_window(3, 2, 1), "ResNet-50, after its first layer")}; },
     [] { return std::vector<Size>{pool({2, 5, 9, 11}, square_window(3, 2, 1)), pool({3, 33, 7, 6}, square_window(2, 2))}; },
     [] { return pool({1, 32, 8, 64}, square_window(2, 2)); }, false, true, nullptr, find_largest<double>, find_largest<float>},
    {"softmax", "y = exp(x - largest) / sum by row", softmax_flops, bytes_once,
     [] { return std::vector<Size>{same({256, 1000, 1, 1}, "ImageNet's classes")}; },
     [] { return std::vector<Size>{same({5, 10, 1, 1}), same({67, 100, 1, 1}), same({3, 1, 1, 1})}; },
     [] { return same({32, 64, 1, 1}); }, false, false, nullptr, soften<double>, soften<float>},
    {"add_bucket", "to += from: a bucket of gradients that arrived", add_flops, bytes_with_out_read,
     [] { return std::vector<Size>{same({1, 25 << 18, 1, 1}, "25 MiB, PyTorch's bucket")}; },
     [] { return std::vector<Size>{same({1, 1, 1, 1}), same({1, 1027, 1, 1}), same({1, 4099, 1, 1})}; },
     [] { return same({1, 8192, 1, 1}); }, true, true, nullptr, add<double>, add<float>},
};

}  // namespace

std::span<const Op> ops() { return kOps; }

}  // namespace convoy::cuda::ladder
