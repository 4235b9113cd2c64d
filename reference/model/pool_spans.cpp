// The rows and columns that a pooling window covers.
#include <algorithm>

#include "reference/model/layer.h"

namespace convoy {
namespace {

/// One direction of a pooling window: `outputs` of them on `extent` rows or columns. As PyTorch counts: a window's elements end
/// with the padding, also where ceil_mode lets it reach further.
struct PoolDirection {
  int extent, outputs, kernel, stride, padding;
};
std::vector<PoolSpan> spans_of(const PoolDirection& d, bool count_padding) {
  std::vector<PoolSpan> spans;
  for (int p = 0; p < d.outputs; ++p) {
    const int first = p * d.stride - d.padding;
    const int last = std::min(first + d.kernel, d.extent + d.padding);
    const int begin = std::max(first, 0);
    const int end = std::min(last, d.extent);
    spans.push_back({begin, end, count_padding ? last - first : end - begin});
  }
  return spans;
}

std::vector<PoolSpan> adaptive_spans(int extent, int outputs) {
  std::vector<PoolSpan> spans;
  for (std::int64_t p = 0; p < outputs; ++p) {
    const auto begin = static_cast<int>(p * extent / outputs);
    const auto end = static_cast<int>(((p + 1) * extent + outputs - 1) / outputs);
    spans.push_back({begin, end, end - begin});
  }
  return spans;
}

}  // namespace

std::vector<PoolSpan> pool_spans_h(const AvgPool2d& pool, int extent) {
  const Window& w = pool.window;
  return spans_of({extent, w.output_h(extent), w.kernel_h, w.stride_h, w.padding_h}, pool.count_include_pad);
}
std::vector<PoolSpan> pool_spans_w(const AvgPool2d& pool, int extent) {
  const Window& w = pool.window;
  return spans_of({extent, w.output_w(extent), w.kernel_w, w.stride_w, w.padding_w}, pool.count_include_pad);
}
std::vector<PoolSpan> pool_spans_h(const AdaptiveAvgPool2d& pool, int extent) { return adaptive_spans(extent, pool.output_h); }
std::vector<PoolSpan> pool_spans_w(const AdaptiveAvgPool2d& pool, int extent) { return adaptive_spans(extent, pool.output_w); }

}  // namespace convoy
