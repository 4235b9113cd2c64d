#include "reference/cpu/blocked/weights_unit.h"

#include <algorithm>

#include "reference/cpu/blocked/checks.h"
#include "reference/cpu/blocked/vector.h"
#include "reference/cpu/scratch.h"

// Note [units of weights]: some blocks of filters by some of channels make a unit, whose sums stay in the second cache while all
// images pass by. Rows pass in groups, of several images where those are small: a block of channels of a group is in the first
// cache while all filters of the unit and all elements of the window meet it.

namespace convoy::cpu::blocked {
namespace {

/// The outputs [begin, end) whose element at `offset` from output * stride lies in [0, extent).
struct Range {
  int begin = 0, end = 0;
};
Range inside(Range outputs, int offset, int stride, int extent) {
  const int first = offset >= 0 ? 0 : (-offset + stride - 1) / stride;
  const int last = extent - 1 - offset < 0 ? -1 : (extent - 1 - offset) / stride;
  return {std::max(outputs.begin, first), std::min(outputs.end, last + 1)};
}

/// Adds a segment to the sums of a block of filters and a block of channels, element (r, s) of the window. x: blocked.
void add_blocked(const WeightGradient& job, Pixels pixels, const Segment& segment, int channel_block, int r, int s,
                 AddProducts add, float* sums) {
  const Window& window = job.window;
  const int down = r * window.dilation_h - window.padding_h;
  const int right = s * window.dilation_w - window.padding_w;
  const Range p = inside({segment.first, segment.first + pixels.rows}, down, window.stride_h, job.x.h);
  const Range q = inside({0, pixels.columns}, right, window.stride_w, job.x.w);
  if (p.end <= p.begin || q.end <= q.begin) return;
  const float* plane = job.x.data + segment.n * job.x.image + channel_block * job.x.plane;
  pixels.x_step = std::int64_t{window.stride_w} * kBlock;
  pixels.x_row = window.stride_h * job.x.row;
  pixels.rows = p.end - p.begin;
  pixels.columns = q.end - q.begin;
  pixels.dy += (p.begin - segment.first) * pixels.dy_row + std::int64_t{q.begin} * kBlock;
  pixels.x = plane + (p.begin * window.stride_h + down) * job.x.row + std::int64_t{q.begin * window.stride_w + right} * kBlock;
  if (pixels.dy_row == std::int64_t{pixels.columns} * kBlock && pixels.x_row == pixels.columns * pixels.x_step) {
    pixels.columns *= pixels.rows;  // neighbouring rows are one long row
    pixels.rows = 1;
  }
  add(pixels, sums);
}

/// Whether every output pixel meets one input pixel, inside the image: then a group is one long row.
bool is_pointwise(const WeightGradient& job) {
  const Window& w = job.window;
  return job.x.pixel == kBlock && w.kernel_h == 1 && w.kernel_w == 1 && w.padding_h == 0 && w.padding_w == 0 &&
         (job.dy.shape.h - 1) * w.stride_h < job.x.h && (job.dy.shape.w - 1) * w.stride_w < job.x.w;
}

/// The pixels of a block of channels that a group meets, one after another: where they lie, or a copy.
const float* pixels_met(const WeightGradient& job, const Group& group, int channel_block) {
  const Window& window = job.window;
  const auto row_of = [&](const Segment& segment, int i) {
    return job.x.data + segment.n * job.x.image + channel_block * job.x.plane + (segment.first + i) * window.stride_h * job.x.row;
  };
  if (group.count == 1 && window.stride_h == 1 && window.stride_w == 1 && job.dy.shape.w == job.x.w)
    return row_of(group.segment[0], 0);
  float* packed = scratch(Slot::packed_input, group.pixels * kBlock);
  float* to = packed;
  for (const Segment& segment : group.segments()) {
    for (int i = 0; i < segment.rows; ++i) {
      const float* from = row_of(segment, i);
      for (int q = 0; q < job.dy.shape.w; ++q, to += kBlock, from += std::int64_t{window.stride_w} * kBlock)
        as_vec(to) = as_vec(from);
    }
  }
  return packed;
}

/// A segment of plain images with zeros around: channels of rows of `w` floats.
struct PackedImage {
  float* data = nullptr;
  int h = 0, w = 0;
};

PackedImage pack_plain(const WeightGradient& job, const Segment& segment) {
  const Window& window = job.window;
  const int last_start = in_pairs(job) ? (job.dy.shape.w - 1) / 2 * 2 : job.dy.shape.w - 1;
  const int packed_w = last_start * window.stride_w + columns_of(job);
  const int packed_h = (segment.rows - 1) * window.stride_h + window.kernel_h;
  float* packed = scratch(Slot::packed_input, std::int64_t{job.channels} * packed_h * packed_w);
  const int left = std::min(window.padding_w, packed_w);
  const int inside_count = std::clamp(job.x.w, 0, packed_w - left);
  float* to = packed;
  for (int c = 0; c < job.channels; ++c) {
    for (int i = 0; i < packed_h; ++i, to += packed_w) {
      const int row = segment.first * window.stride_h - window.padding_h + i;
      std::fill_n(to, packed_w, 0.0F);
      if (row >= 0 && row < job.x.h)
        std::copy_n(job.x.data + segment.n * job.x.image + c * job.x.plane + row * job.x.row, inside_count, to + left);
    }
  }
  return {packed, packed_h, packed_w};
}

/// Adds a segment to the sums of a block of filters. x: plain.
void add_plain(const WeightGradient& job, Pixels pixels, const PackedImage& packed, float* sums) {
  const Window& window = job.window;
  const int columns = columns_of(job);
  pixels.x = packed.data;
  pixels.x_step = window.stride_w * (in_pairs(job) ? 2 : 1);
  pixels.x_row = std::int64_t{window.stride_h} * packed.w;
  const std::int64_t lines = std::int64_t{job.channels} * window.kernel_h;  // rows of windows: channel by channel
  const auto most = static_cast<std::int64_t>(rows_of_window(columns));
  const std::int64_t passes = (lines + most - 1) / most;
  for (std::int64_t pass = 0; pass < passes; ++pass) {
    const Slice slice = shard(lines, passes, pass);
    std::array<std::int64_t, kSums> starts;
    for (std::int64_t m = 0; m < slice.count; ++m)
      starts[static_cast<std::size_t>(m)] =
          ((slice.offset + m) / window.kernel_h * packed.h + (slice.offset + m) % window.kernel_h) * packed.w;
    window_function(columns, static_cast<std::size_t>(slice.count))(pixels, starts.data(), sums);
    sums += slice.count * columns * kBlock;
  }
}

}  // namespace

void run_unit(const WeightGradient& job, const Bundle& unit, Slice rows, float* sums) {
  const std::int64_t count = sums_of(job, unit.channels);
  const int blocks = blocks_of(unit.filters);
  const bool plain = job.x.pixel == 1;
  std::fill_n(sums, blocks * (count + kBlock), 0.0F);
  for (std::int64_t at = rows.offset; at < rows.end();) {
    const Group group = next_group(job.dy.shape, at, rows.end());
    const bool copies = job.mask != nullptr || in_pairs(job) || group.count > 1;  // segments one after another
    float* copy = copies ? scratch(Slot::masked_gradient, blocks * group.pixels * kBlock) : nullptr;
    const auto copy_of = [&](int i, const Segment& segment) {
      return copies ? copy + (i * group.pixels + segment.start) * kBlock : nullptr;
    };
    const auto own = [&](int i) { return sums + i * (count + kBlock); };
    const int first_block = unit.first_filter / kBlock;
    for (int i = 0; i < blocks; ++i) {
      for (const Segment& segment : group.segments()) {
        float* db = unit.sums_bias ? own(i) + count : nullptr;
        if (in_pairs(job))
          prepare_pairs(job, segment, copy_of(i, segment), db);
        else if (copies || unit.sums_bias)
          prepare_gradient(job, segment, first_block + i, copy_of(i, segment), db);
      }
    }
    if (plain) {
      for (const Segment& segment : group.segments()) {
        const PackedImage packed = pack_plain(job, segment);
        for (int i = 0; i < blocks; ++i)
          add_plain(job, gradient_of(job, segment, first_block + i, copy_of(i, segment)), packed, own(i));
      }
      continue;
    }
    const std::int64_t window = std::int64_t{job.window.kernel_h} * job.window.kernel_w;
    for (int block = 0; block < blocks_of(unit.channels); ++block) {
      const AddProducts add = add_products_function(lanes_of(unit.channels, block));
      if (is_pointwise(job)) {
        Pixels pixels{.rows = 1, .columns = static_cast<int>(group.pixels), .x_step = kBlock};
        pixels.x = pixels_met(job, group, unit.first_channel / kBlock + block);
        for (int i = 0; i < blocks; ++i) {
          pixels.dy = gradient_of(job, group.segment[0], first_block + i, copy_of(i, group.segment[0])).dy;
          add(pixels, own(i) + block * kBlock * kBlock);
        }
        continue;
      }
      for (int i = 0; i < blocks; ++i) {
        float* tile = own(i) + block * window * kBlock * kBlock;
        for (int r = 0; r < job.window.kernel_h; ++r)
          for (int s = 0; s < job.window.kernel_w; ++s, tile += kBlock * kBlock)
            for (const Segment& segment : group.segments())
              add_blocked(job, gradient_of(job, segment, first_block + i, copy_of(i, segment)), segment,
                          unit.first_channel / kBlock + block, r, s, add, tile);
      }
    }
  }
}
}  // namespace convoy::cpu::blocked
