#include "reference/cpu/blocked/weights.h"

#include <algorithm>
#include <numeric>

#include "reference/cpu/blocked/checks.h"
#include "reference/cpu/blocked/weights_unit.h"
#include "reference/cpu/scratch.h"

// Note [dividing a weight gradient]: threads take different units and, where they are too few, different rows, each with sums of
// its own, which are added in order.

namespace convoy::cpu::blocked {
namespace {

/// Adds the sums of a block of filters to dw and db.
void add_to_weights(const WeightGradient& job, const Bundle& bundle, int block, const float* sums) {
  const bool pairs = in_pairs(job);
  const int columns = columns_of(job);
  const int window = job.window.kernel_h * columns;
  const int channels_a_group = job.dw.shape.c;
  const int filters_a_group = job.dw.shape.n / job.groups;
  const int filters = std::min(kBlock, bundle.filters - block * kBlock);
  const std::int64_t filter_size = job.dw.shape.sample_count();
  float* dw = job.dw.data + std::int64_t{bundle.first_filter + block * kBlock} * filter_size;
  if (bundle.sums_bias) {
    for (int f = 0; f < filters; ++f) {
      const float* sum = sums + sums_of(job, bundle.channels) + f;
      job.db.data[bundle.first_filter + block * kBlock + f] += pairs ? sum[0] + sum[kHalf] : sum[0];
    }
  }
  const bool plain = job.x.pixel == 1;
  const std::int64_t tap_step = plain ? kBlock : kBlock * kBlock;
  for (int first = 0; first < bundle.channels; first += kBlock) {
    const float* block_sums = sums + std::int64_t{first} * window * kBlock;
    for (int f = 0; f < filters; ++f) {
      const int group = (bundle.first_filter + block * kBlock + f) / filters_a_group;
      const int first_of_group = group * channels_a_group - bundle.first_channel;  // in the bundle
      const int begin = std::max(first, first_of_group);
      const int end = std::min({first + kBlock, first_of_group + channels_a_group, bundle.channels});
      float* to = dw + f * filter_size + std::int64_t{begin - first_of_group} * job.window.kernel_h * job.window.kernel_w;
      if (window == 1 && !plain) {
        const float* from = block_sums + std::int64_t{begin - first} * kBlock + f;
        for (int c = 0; c < end - begin; ++c) to[c] += from[c * kBlock];
        continue;
      }
      for (int c = begin; c < end; ++c) {
        const float* from = block_sums + std::int64_t{c - first} * (plain ? window : 1) * kBlock + f;
        if (!pairs) {
          for (int tap = 0; tap < window; ++tap) *to++ += from[tap * tap_step];
          continue;
        }
        for (int r = 0; r < job.window.kernel_h; ++r, from += columns * tap_step)
          for (int s = 0; s < job.window.kernel_w; ++s) *to++ += from[s * tap_step] + from[(s + 1) * tap_step + kHalf];
      }
    }
  }
}

/// Floats of the sums of a unit: a quarter of a second cache.
constexpr std::int64_t kSumFloats = 64 * 1024;

/// Blocks of a unit, at most.
struct UnitSize {
  std::int64_t filters = 1, channels = 1;
};

UnitSize unit_size(const WeightGradient& job, const Bundle& bundle) {
  const std::int64_t filters = blocks_of(bundle.filters);
  const std::int64_t channels = blocks_of(bundle.channels);
  const std::int64_t for_threads = std::max<std::int64_t>(filters / max_threads(), 1);
  if (job.x.pixel == 1)
    return {std::clamp<std::int64_t>(2 * kSumFloats / (sums_of(job, bundle.channels) + kBlock), 1, for_threads), channels};
  const std::int64_t tiles = std::max<std::int64_t>(kSumFloats / sums_of(job, kBlock), 1);
  UnitSize size;
  while (size.filters < 8 && (size.filters + 1) * (size.filters + 1) <= tiles) ++size.filters;  // their dy is in that cache too
  size.filters = std::min(size.filters, for_threads);
  size.channels = std::clamp<std::int64_t>(tiles / size.filters, 1, channels);
  size.filters = std::clamp<std::int64_t>(tiles / size.channels, 1, for_threads);
  return size;
}

/// Some blocks of [first, first + count) elements, which begin at the start of a block.
Slice blocks_in(int count, std::int64_t parts, std::int64_t part) {
  const Slice blocks = shard(blocks_of(count), parts, part);
  return {blocks.offset * kBlock, std::min<std::int64_t>(blocks.end() * kBlock, count) - blocks.offset * kBlock};
}

void run_bundle(const WeightGradient& job, const Bundle& bundle) {
  const UnitSize size = unit_size(job, bundle);
  const std::int64_t filter_parts = (blocks_of(bundle.filters) + size.filters - 1) / size.filters;
  const std::int64_t channel_parts = (blocks_of(bundle.channels) + size.channels - 1) / size.channels;
  const std::int64_t units = filter_parts * channel_parts;
  const auto unit_at = [&](std::int64_t i) {
    const Slice filters = blocks_in(bundle.filters, filter_parts, i / channel_parts);
    const Slice channels =
        job.x.pixel == 1 ? Slice{0, bundle.channels} : blocks_in(bundle.channels, channel_parts, i % channel_parts);
    return Bundle{.first_channel = bundle.first_channel + static_cast<int>(channels.offset),
                  .channels = static_cast<int>(channels.count),
                  .first_filter = bundle.first_filter + static_cast<int>(filters.offset),
                  .filters = static_cast<int>(filters.count),
                  .sums_bias = job.db.data != nullptr && i % channel_parts == 0};
  };
  const auto floats_of = [&](const Bundle& unit) { return blocks_of(unit.filters) * (sums_of(job, unit.channels) + kBlock); };
  const auto add = [&](const Bundle& unit, const float* sums) {
    for (int block = 0; block < blocks_of(unit.filters); ++block)
      add_to_weights(job, unit, block, sums + block * (sums_of(job, unit.channels) + kBlock));
  };
  const std::int64_t rows = std::int64_t{job.dy.shape.n} * job.dy.shape.h;
  const std::int64_t parts = units >= max_threads() ? 1 : std::clamp<std::int64_t>(max_threads() / units, 1, rows);
  if (parts == 1) {
    parallel_for(units, [&](std::int64_t i) {
      const Bundle unit = unit_at(i);
      float* sums = scratch(Slot::weight_gradients, floats_of(unit));
      run_unit(job, unit, {0, rows}, sums);
      add(unit, sums);
    });
    return;
  }
  std::int64_t most = 0;
  for (std::int64_t i = 0; i < units; ++i) most = std::max(most, floats_of(unit_at(i)));
  float* sums = scratch(Slot::weight_gradients, units * parts * most);
  parallel_for(units * parts,
               [&](std::int64_t i) { run_unit(job, unit_at(i / parts), shard(rows, parts, i % parts), sums + i * most); });
  parallel_for(units, [&](std::int64_t i) {
    const Bundle unit = unit_at(i);
    float* total = sums + i * parts * most;
    for (std::int64_t part = 1; part < parts; ++part)
      for (std::int64_t k = 0; k < floats_of(unit); ++k) total[k] += total[part * most + k];
    add(unit, total);
  });
}

}  // namespace

int groups_of_bundle(int channels_a_group, int filters_a_group, int groups) {
  const int channel_step = kBlock / std::gcd(kBlock, std::max(channels_a_group, 1));
  const int filter_step = kBlock / std::gcd(kBlock, std::max(filters_a_group, 1));
  return std::min(std::max(channel_step, filter_step), groups);  // both are powers of two
}

bool has_weight_gradient(const WeightGradient& job) {
  if (job.x.pixel != 1) return true;
  const int columns = job.window.kernel_w;
  return job.groups == 1 && job.window.dilation_h == 1 && job.window.dilation_w == 1 &&
         (columns == 1 || columns == 3 || columns == 5 || columns == 7 || columns == 11);
}

void run(const WeightGradient& job) {
  const int channels_a_group = job.dw.shape.c;
  const int filters_a_group = job.dw.shape.n / job.groups;
  const int step = groups_of_bundle(channels_a_group, filters_a_group, job.groups);
  for (int group = 0; group < job.groups; group += step) {
    const int count = std::min(step, job.groups - group);
    run_bundle(job, {.first_channel = group * channels_a_group,
                     .channels = count * channels_a_group,
                     .first_filter = group * filters_a_group,
                     .filters = count * filters_a_group});
  }
}
}  // namespace convoy::cpu::blocked
