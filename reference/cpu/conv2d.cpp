#include <algorithm>

#include "reference/cpu/checks.h"
#include "reference/cpu/im2col.h"
#include "reference/cpu/kernels.h"
#include "reference/cpu/parallel.h"
#include "reference/cpu/scratch.h"

// Note [dividing a convolution]: panels (images, or rows of images) go to different threads. When there are fewer panels than
// threads, the filters (forward, weights) or the input channels (input gradient) are divided as well: each part is the same
// product with fewer rows, and makes its own columns.

namespace convoy::cpu {
namespace {

/// A 1 x 1 filter that visits every pixel reads x as it lies in memory: an image already is its matrix of columns.
bool is_pointwise(const Window& window) { return window == Window{}; }

/// The operands of one convolution.
struct Problem {
  Shape x, y;
  Window window;
  PanelGrid grid;

  Problem(const Shape& x_shape, const Shape& y_shape, const Window& a_window)
      : x(x_shape), y(y_shape), window(a_window), grid(make_panels(y_shape, max_threads())) {
    if (is_pointwise(window)) grid.groups = y.n;  // columns of several images would not lie together
  }
  [[nodiscard]] std::int64_t depth() const { return std::int64_t{x.c} * window.kernel_h * window.kernel_w; }
  [[nodiscard]] std::int64_t plane() const { return std::int64_t{y.h} * y.w; }
  /// Parts into which `rows` of the product are divided when there are `tasks` others to do; at least 8 rows each.
  [[nodiscard]] static int parts(int rows, int tasks) {
    const int wanted = (max_threads() + tasks - 1) / tasks;
    return std::clamp(wanted, 1, std::max(rows / 8, 1));
  }
  [[nodiscard]] ConstMatrixMap columns(View<const float> x_view, const Panel& panel) const {
    const std::int64_t pixels = grid.pixels(panel);
    if (is_pointwise(window)) return as_matrix(&x_view(panel.image, 0, panel.row, 0), {depth(), pixels}, plane());
    float* columns = scratch(Slot::columns, im2col_floats(x, window, pixels));
    im2col(x_view, window, grid, panel, columns);
    return as_matrix(static_cast<const float*>(columns), {depth(), pixels}, pixels);
  }
  /// dy of a panel and of some filters as [filters, pixels]; copied only when several images have to come together.
  [[nodiscard]] ConstMatrixMap gather(View<const float> dy, Slice filters, const Panel& panel) const {
    const std::int64_t pixels = grid.pixels(panel);
    const float* first = &dy(panel.image, static_cast<int>(filters.offset), panel.row, 0);
    if (panel.images == 1) return as_matrix(first, {filters.count, pixels}, plane());
    float* gathered = scratch(Slot::gathered, filters.count * pixels);
    for (std::int64_t n = 0; n < panel.images; ++n)
      as_matrix(gathered + n * plane(), {filters.count, plane()}, pixels) =
          as_matrix(first + n * y.c * plane(), {filters.count, plane()}, plane());
    return as_matrix(static_cast<const float*>(gathered), {filters.count, pixels}, pixels);
  }
};

/// y of one panel and some filters.
void forward_part(const Problem& problem, View<const float> x, View<const float> w, View<const float> b, View<float> y,
                  const Panel& panel, Slice filters) {
  const std::int64_t depth = problem.depth();
  const std::int64_t plane = problem.plane();
  const std::int64_t pixels = problem.grid.pixels(panel);
  const auto columns = problem.columns(x, panel);
  const auto weights = as_matrix(w.data + filters.offset * depth, {filters.count, depth}, depth);
  float* first = &y(panel.image, static_cast<int>(filters.offset), panel.row, 0);
  if (panel.images == 1) {
    auto result = as_matrix(first, {filters.count, pixels}, plane);
    result.noalias() = weights * columns;
    if (b.data == nullptr) return;
    for (std::int64_t k = 0; k < filters.count; ++k) result.row(k).array() += b.data[filters.offset + k];
    return;
  }
  auto product = as_matrix(scratch(Slot::product, filters.count * pixels), {filters.count, pixels}, pixels);
  product.noalias() = weights * columns;
  for (std::int64_t n = 0; n < panel.images; ++n) {
    for (std::int64_t k = 0; k < filters.count; ++k) {
      const float bias = b.data == nullptr ? 0.0F : b.data[filters.offset + k];
      RowMap(first + (n * problem.y.c + k) * plane, plane) = product.row(k).segment(n * plane, plane).array() + bias;
    }
  }
}

/// dx of some input channels from one group of images, all panels of it one after the other.
void backward_input_part(const Problem& problem, View<const float> dy, View<const float> w, View<float> dx, int group,
                         ChannelRange channels) {
  const std::int64_t window_size = std::int64_t{problem.window.kernel_h} * problem.window.kernel_w;
  const std::int64_t depth = problem.depth();
  const auto weights = as_matrix(w.data + channels.first * window_size, {problem.y.c, channels.count * window_size}, depth);
  for (int i = 0; i < problem.grid.panels_an_image; ++i) {
    const Panel panel = problem.grid.panel(group * problem.grid.panels_an_image + i);
    const std::int64_t pixels = problem.grid.pixels(panel);
    const auto gradients = problem.gather(dy, {0, problem.y.c}, panel);
    if (is_pointwise(problem.window)) {
      float* first = &dx(panel.image, channels.first, panel.row, 0);
      as_matrix(first, {channels.count, pixels}, problem.plane()).noalias() = weights.transpose() * gradients;
      continue;
    }
    if (i == 0)  // the panels add into the rows that they share
      for (int n = panel.image; n < panel.image + panel.images; ++n)
        std::fill_n(&dx(n, channels.first, 0, 0), std::int64_t{channels.count} * dx.shape.h * dx.shape.w, 0.0F);
    float* columns = scratch(Slot::columns, channels.count * window_size * pixels);
    as_matrix(columns, {channels.count * window_size, pixels}, pixels).noalias() = weights.transpose() * gradients;
    col2im(columns, channels, dx, problem.window, problem.grid, panel);
  }
}

/// dw and db of some filters += those of some panels.
void backward_weights_part(const Problem& problem, View<const float> dy, View<const float> x, float* dw, float* db, Slice panels,
                           Slice filters) {
  const std::int64_t depth = problem.depth();
  auto sums = as_matrix(dw + filters.offset * depth, {filters.count, depth}, depth);
  for (std::int64_t i = panels.offset; i < panels.end(); ++i) {
    const Panel panel = problem.grid.panel(static_cast<int>(i));
    const auto gradients = problem.gather(dy, filters, panel);
    sums.noalias() += gradients * problem.columns(x, panel).transpose();
    if (db == nullptr) continue;
    for (std::int64_t k = 0; k < filters.count; ++k) db[filters.offset + k] += gradients.row(k).sum();
  }
}

}  // namespace

void conv2d_forward(View<const float> x, View<const float> w, View<const float> b, View<float> y, const Window& window) {
  check_conv2d("conv2d_forward", x.shape, w.shape, y.shape, window);
  check_bias("conv2d_forward", "b", b, w.shape.n);
  if (x.count() == 0) return;
  const Problem problem(x.shape, y.shape, window);
  const int panels = problem.grid.count();
  const int parts = Problem::parts(y.shape.c, panels);
  parallel_for(std::int64_t{panels} * parts, [&](std::int64_t task) {
    forward_part(problem, x, w, b, y, problem.grid.panel(static_cast<int>(task / parts)), shard(y.shape.c, parts, task % parts));
  });
}

void conv2d_backward_input(View<const float> dy, View<const float> w, View<float> dx, const Window& window) {
  check_conv2d("conv2d_backward_input", dx.shape, w.shape, dy.shape, window);
  if (dx.count() == 0) return;
  const Problem problem(dx.shape, dy.shape, window);
  const int parts = Problem::parts(dx.shape.c, problem.grid.groups);
  parallel_for(std::int64_t{problem.grid.groups} * parts, [&](std::int64_t task) {
    const Slice channels = shard(dx.shape.c, parts, task % parts);
    backward_input_part(problem, dy, w, dx, static_cast<int>(task / parts),
                        {static_cast<int>(channels.offset), static_cast<int>(channels.count)});
  });
}

void conv2d_backward_weights(View<const float> dy, View<const float> x, View<float> dw, View<float> db, const Window& window) {
  check_conv2d("conv2d_backward_weights", x.shape, dw.shape, dy.shape, window);
  check_bias("conv2d_backward_weights", "db", db, dw.shape.n);
  if (x.count() == 0) return;
  const Problem problem(x.shape, dy.shape, window);
  const int filters = dw.shape.n;
  const int panels = problem.grid.count();
  const int threads = max_threads();
  if (threads == 1 || panels < threads) {  // see Note [dividing a convolution]
    const int parts = Problem::parts(filters, 1);
    parallel_for(parts, [&](std::int64_t part) {
      backward_weights_part(problem, dy, x, dw.data, db.data, {0, panels}, shard(filters, parts, part));
    });
    return;
  }
  // One sum for each thread's panels, then the sums are added in the order of the threads: always the same bits.
  const std::int64_t stride = dw.count() + filters;
  float* sums = scratch(Slot::partial_sums, stride * threads);
  parallel_for(threads, [&](std::int64_t thread) {
    float* sum = sums + thread * stride;
    std::fill_n(sum, stride, 0.0F);
    backward_weights_part(problem, dy, x, sum, db.data == nullptr ? nullptr : sum + dw.count(), shard(panels, threads, thread),
                          {0, filters});
  });
  parallel_slices(dw.count(), kElementGrain, [&](Slice slice) {
    for (int thread = 0; thread < threads; ++thread)
      RowMap(dw.data + slice.offset, slice.count) += ConstRowMap(sums + thread * stride + slice.offset, slice.count);
  });
  if (db.data == nullptr) return;
  for (int thread = 0; thread < threads; ++thread)
    RowMap(db.data, filters) += ConstRowMap(sums + thread * stride + dw.count(), filters);
}

}  // namespace convoy::cpu
