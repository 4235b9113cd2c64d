#include <algorithm>

#include "reference/cpu/checks.h"
#include "reference/cpu/depthwise.h"
#include "reference/cpu/im2col.h"
#include "reference/cpu/kernels.h"
#include "reference/cpu/parallel.h"
#include "reference/cpu/scratch.h"

// Note [dividing a convolution]: panels (images, or rows of images) go to different threads. When there are fewer panels than
// threads, the filters (forward, weights) or the input channels (input gradient) are divided as well: each part is the same
// product with fewer rows, and makes its own columns.
//
// Note [groups]: a grouped convolution is one such product for each group, of its channels and its filters. When every channel is
// a group of its own, the products have so few columns that sums over the window are faster: depthwise.h.

namespace convoy::cpu {
namespace {

/// A 1 x 1 filter that visits every pixel reads x as it lies in memory: an image already is its matrix of columns.
bool is_pointwise(const Window& window) { return window == Window{}; }

/// The operands of one convolution.
struct Problem {
  Shape x, w, y;
  Window window;
  PanelGrid grid;
  int groups;  ///< of channels and filters

  Problem(const Shape& x_shape, const Shape& w_shape, const Shape& y_shape, const Window& a_window)
      : x(x_shape),
        w(w_shape),
        y(y_shape),
        window(a_window),
        grid(make_panels(y_shape, max_threads())),
        groups(groups_of(x_shape, w_shape)) {
    if (is_pointwise(window)) grid.groups = y.n;  // columns of several images would not lie together
  }
  /// Channels and filters of a group.
  [[nodiscard]] int channels() const { return w.c; }
  [[nodiscard]] int filters() const { return w.n / groups; }
  [[nodiscard]] std::int64_t window_size() const { return std::int64_t{window.kernel_h} * window.kernel_w; }
  [[nodiscard]] std::int64_t depth() const { return w.sample_count(); }
  [[nodiscard]] std::int64_t plane() const { return std::int64_t{y.h} * y.w; }
  /// Parts into which `rows` of the product are divided when there are `tasks` others to do; at least 8 rows each.
  [[nodiscard]] static int parts(int rows, int tasks) {
    const int wanted = (max_threads() + tasks - 1) / tasks;
    return std::clamp(wanted, 1, std::max(rows / 8, 1));
  }
  /// visit(channels) for the channels in `among`, so many at a time that their columns for this panel stay in the second cache.
  template <class Visit>
  void for_each_chunk(const Panel& panel, ChannelRange among, const Visit& visit) const {
    const int most = is_pointwise(window) ? among.count : channels_of_panel(window, grid.pixels(panel));
    for (int done = 0; done < among.count; done += most)
      visit(ChannelRange{among.first + done, std::min(most, among.count - done)});
  }
  /// The channels of a group.
  [[nodiscard]] ChannelRange channels_of(int group) const { return {group * channels(), channels()}; }
  /// Where the weights of a channel, one of its group, begin in a filter.
  [[nodiscard]] std::int64_t column_of(int channel) const { return channel % channels() * window_size(); }
  /// The columns of some channels, [channels R S, pixels].
  [[nodiscard]] ConstMatrixMap columns(View<const float> x_view, ChannelRange some, const Panel& panel) const {
    const std::int64_t pixels = grid.pixels(panel), rows = some.count * window_size();
    if (is_pointwise(window)) return as_matrix(&x_view(panel.image, some.first, panel.row, 0), {rows, pixels}, plane());
    float* columns = scratch(Slot::columns, im2col_floats(rows, pixels));
    im2col(x_view, some, window, grid, panel, columns);
    return as_matrix(static_cast<const float*>(columns), {rows, pixels}, pixels);
  }
  /// The weights of some channels, [filters, channels R S].
  [[nodiscard]] ConstMatrixMap weights(View<const float> w_view, Slice some_filters, ChannelRange some) const {
    return as_matrix(w_view.data + some_filters.offset * depth() + column_of(some.first),
                     {some_filters.count, some.count * window_size()}, depth());
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

/// y of one panel and some filters of one group.
void forward_part(const Problem& problem, View<const float> x, View<const float> w, View<const float> b, View<float> y,
                  const Panel& panel, Slice filters) {
  const std::int64_t plane = problem.plane();
  const std::int64_t pixels = problem.grid.pixels(panel);
  const ChannelRange channels = problem.channels_of(static_cast<int>(filters.offset) / problem.filters());
  const auto multiply = [&](MatrixMap result) {
    problem.for_each_chunk(panel, channels, [&](ChannelRange some) {
      const auto columns = problem.columns(x, some, panel);
      if (some.first == channels.first)
        result.noalias() = problem.weights(w, filters, some) * columns;
      else
        result.noalias() += problem.weights(w, filters, some) * columns;
    });
  };
  float* first = &y(panel.image, static_cast<int>(filters.offset), panel.row, 0);
  if (panel.images == 1) {
    auto result = as_matrix(first, {filters.count, pixels}, plane);
    multiply(result);
    if (b.data == nullptr) return;
    for (std::int64_t k = 0; k < filters.count; ++k) result.row(k).array() += b.data[filters.offset + k];
    return;
  }
  auto product = as_matrix(scratch(Slot::product, filters.count * pixels), {filters.count, pixels}, pixels);
  multiply(product);
  for (std::int64_t n = 0; n < panel.images; ++n) {
    for (std::int64_t k = 0; k < filters.count; ++k) {
      const float bias = b.data == nullptr ? 0.0F : b.data[filters.offset + k];
      RowMap(first + (n * problem.y.c + k) * plane, plane) = product.row(k).segment(n * plane, plane).array() + bias;
    }
  }
}

/// dx of some input channels of one group, from one group of images, all panels of those one after the other.
void backward_input_part(const Problem& problem, View<const float> dy, View<const float> w, View<float> dx, int images,
                         ChannelRange channels) {
  const int group = channels.first / problem.channels();
  const Slice filters{std::int64_t{group} * problem.filters(), problem.filters()};
  for (int i = 0; i < problem.grid.panels_an_image; ++i) {
    const Panel panel = problem.grid.panel(images * problem.grid.panels_an_image + i);
    const std::int64_t pixels = problem.grid.pixels(panel);
    const auto gradients = problem.gather(dy, filters, panel);
    if (is_pointwise(problem.window)) {
      float* first = &dx(panel.image, channels.first, panel.row, 0);
      as_matrix(first, {channels.count, pixels}, problem.plane()).noalias() =
          problem.weights(w, filters, channels).transpose() * gradients;
      continue;
    }
    if (i == 0)  // the panels add into the rows that they share
      for (int n = panel.image; n < panel.image + panel.images; ++n)
        std::fill_n(&dx(n, channels.first, 0, 0), std::int64_t{channels.count} * dx.shape.h * dx.shape.w, 0.0F);
    problem.for_each_chunk(panel, channels, [&](ChannelRange some) {
      const std::int64_t rows = some.count * problem.window_size();
      float* columns = scratch(Slot::columns, rows * pixels);
      as_matrix(columns, {rows, pixels}, pixels).noalias() = problem.weights(w, filters, some).transpose() * gradients;
      col2im(columns, some, dx, problem.window, problem.grid, panel);
    });
  }
}

/// dw and db of some filters of one group += those of some panels.
void backward_weights_part(const Problem& problem, View<const float> dy, View<const float> x, float* dw, float* db, Slice panels,
                           Slice filters) {
  const std::int64_t depth = problem.depth();
  const int group = static_cast<int>(filters.offset) / problem.filters();
  const ChannelRange channels = problem.channels_of(group);
  for (std::int64_t i = panels.offset; i < panels.end(); ++i) {
    const Panel panel = problem.grid.panel(static_cast<int>(i));
    const auto gradients = problem.gather(dy, filters, panel);
    problem.for_each_chunk(panel, channels, [&](ChannelRange some) {
      float* first = dw + filters.offset * depth + problem.column_of(some.first);
      auto sums = as_matrix(first, {filters.count, some.count * problem.window_size()}, depth);
      sums.noalias() += gradients * problem.columns(x, some, panel).transpose();
    });
    if (db == nullptr) continue;
    for (std::int64_t k = 0; k < filters.count; ++k) db[filters.offset + k] += gradients.row(k).sum();
  }
}

/// Divides dw and db into sums of its own for every thread's panels; they are added in the order of the threads: always the same
/// bits.
void backward_weights_by_panels(const Problem& problem, View<const float> dy, View<const float> x, View<float> dw,
                                View<float> db) {
  const int threads = max_threads();
  const std::int64_t stride = dw.count() + dw.shape.n;
  float* sums = scratch(Slot::partial_sums, stride * threads);
  parallel_for(threads, [&](std::int64_t thread) {
    float* sum = sums + thread * stride;
    std::fill_n(sum, stride, 0.0F);
    for (int group = 0; group < problem.groups; ++group)
      backward_weights_part(problem, dy, x, sum, db.data == nullptr ? nullptr : sum + dw.count(),
                            shard(problem.grid.count(), threads, thread),
                            {std::int64_t{group} * problem.filters(), problem.filters()});
  });
  parallel_slices(dw.count(), kElementGrain, [&](Slice slice) {
    for (int thread = 0; thread < threads; ++thread)
      RowMap(dw.data + slice.offset, slice.count) += ConstRowMap(sums + thread * stride + slice.offset, slice.count);
  });
  if (db.data == nullptr) return;
  for (int thread = 0; thread < threads; ++thread)
    RowMap(db.data, dw.shape.n) += ConstRowMap(sums + thread * stride + dw.count(), dw.shape.n);
}

/// y = b, or 0: the convolution of nothing.
void forward_nothing(View<const float> b, View<float> y) {
  std::fill_n(y.data, y.count(), 0.0F);
  if (b.data != nullptr) add_bias(b, y);
}

}  // namespace

void conv2d_forward(View<const float> x, View<const float> w, View<const float> b, View<float> y, const Window& window) {
  check_conv2d("conv2d_forward", x.shape, w.shape, y.shape, window);
  check_bias("conv2d_forward", "b", b, w.shape.n);
  if (y.count() == 0) return;
  if (x.count() == 0) return forward_nothing(b, y);
  if (is_depthwise(x.shape, w.shape, window)) return depthwise_forward(x, w, b, y, window);
  const Problem problem(x.shape, w.shape, y.shape, window);
  const int panels = problem.grid.count();
  const int parts = Problem::parts(problem.filters(), panels * problem.groups);
  const std::int64_t tasks_a_panel = std::int64_t{problem.groups} * parts;
  parallel_for(panels * tasks_a_panel, [&](std::int64_t task) {
    const std::int64_t group = task % tasks_a_panel / parts;
    const Slice filters{group * problem.filters(), problem.filters()};
    forward_part(problem, x, w, b, y, problem.grid.panel(static_cast<int>(task / tasks_a_panel)),
                 shard(filters, parts, task % parts));
  });
}

void conv2d_backward_input(View<const float> dy, View<const float> w, View<float> dx, const Window& window) {
  check_conv2d("conv2d_backward_input", dx.shape, w.shape, dy.shape, window);
  if (dx.count() == 0) return;
  if (dy.count() == 0) return static_cast<void>(std::fill_n(dx.data, dx.count(), 0.0F));
  if (is_depthwise(dx.shape, w.shape, window)) return depthwise_backward_input(dy, w, dx, window);
  const Problem problem(dx.shape, w.shape, dy.shape, window);
  const int parts = Problem::parts(problem.channels(), problem.grid.groups * problem.groups);
  const std::int64_t tasks = std::int64_t{problem.groups} * parts;  // for each group of images
  parallel_for(problem.grid.groups * tasks, [&](std::int64_t task) {
    const std::int64_t group = task % tasks / parts;
    const Slice channels = shard(Slice{group * problem.channels(), problem.channels()}, parts, task % parts);
    backward_input_part(problem, dy, w, dx, static_cast<int>(task / tasks),
                        {static_cast<int>(channels.offset), static_cast<int>(channels.count)});
  });
}

void conv2d_backward_weights(View<const float> dy, View<const float> x, View<float> dw, View<float> db, const Window& window) {
  check_conv2d("conv2d_backward_weights", x.shape, dw.shape, dy.shape, window);
  check_bias("conv2d_backward_weights", "db", db, dw.shape.n);
  if (dy.count() == 0) return;
  if (x.count() == 0) return db.data == nullptr ? void() : bias_backward(dy, db);
  if (is_depthwise(x.shape, dw.shape, window)) return depthwise_backward_weights(dy, x, dw, db, window);
  const Problem problem(x.shape, dw.shape, dy.shape, window);
  const int panels = problem.grid.count();
  if (max_threads() > 1 && panels >= max_threads()) return backward_weights_by_panels(problem, dy, x, dw, db);
  const int parts = Problem::parts(problem.filters(), problem.groups);  // see Note [dividing a convolution]
  parallel_for(std::int64_t{problem.groups} * parts, [&](std::int64_t task) {
    const Slice filters{task / parts * problem.filters(), problem.filters()};
    backward_weights_part(problem, dy, x, dw.data, db.data, {0, panels}, shard(filters, parts, task % parts));
  });
}

}  // namespace convoy::cpu
