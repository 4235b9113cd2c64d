#include "reference/cpu/blocked/checks.h"
#include "reference/cpu/blocked/weights_tile.h"
#include "reference/cpu/blocked/winograd.h"
#include "reference/cpu/blocked/winograd_tiles.h"
#include "reference/cpu/scratch.h"

// Note [sums of products]: for each point, the gradient in transformed form is a product of matrices with the tiles as the inner
// dimension. Threads divide the transforms by blocks of channels and tiles, and the products by points: nothing is added up
// twice.

namespace convoy::cpu::blocked::winograd {
namespace {

constexpr std::int64_t kCacheFloats = 160 * 1024;

std::int64_t tiles_of_block(int in_blocks, int out_blocks, std::int64_t all) {
  const std::int64_t floats_a_tile = std::int64_t{kPoints} * kBlock * (in_blocks + out_blocks);
  const std::int64_t filters = std::int64_t{in_blocks} * out_blocks;
  const std::int64_t least = filters <= 16 ? 32 : filters <= 64 ? 64 : 196;
  const std::int64_t wanted = std::max(least, kCacheFloats / floats_a_tile);
  const std::int64_t blocks = (all + wanted - 1) / wanted;
  return (all + blocks - 1) / blocks;
}

template <class Transform>
void transform_tiles(BlockedView<const float> from, const float* mask, int padding_h, int padding_w, const Tiles& all,
                     Slice tiles, const Points& to) {
  parallel_for(std::int64_t{from.blocks()} * tiles.count, [&](std::int64_t i) {
    const std::int64_t block = i / tiles.count;
    const Place place(all, tiles.offset + i % tiles.count);
    const std::int64_t plane = (std::int64_t{place.n} * from.blocks() + block) * from.plane();
    const Patch patch{from.data + plane,     mask == nullptr ? nullptr : mask + plane,
                      from.shape.h,          from.shape.w,
                      place.row - padding_h, place.column - padding_w};
    transform_patch<Transform>(patch, to.at(0, block, i % tiles.count), to.point);
  });
}

/// sums[point][filter block][channel block][16][16] += products over the tiles.
void add_products(const Points& v, int in_blocks, int last_lanes, const Points& z, int out_blocks, std::int64_t tiles,
                  float* sums) {
  parallel_for(std::int64_t{kPoints} * out_blocks, [&](std::int64_t i) {
    const int point = static_cast<int>(i / out_blocks);
    Pixels pixels{.rows = 1, .columns = static_cast<int>(tiles), .x_step = kBlock};
    pixels.dy = z.at(point, i % out_blocks, 0);
    for (int block = 0; block < in_blocks; ++block) {
      pixels.x = v.at(point, block, 0);
      add_products_function(block + 1 < in_blocks ? kBlock : last_lanes)(pixels,
                                                                         sums + (i * in_blocks + block) * kBlock * kBlock);
    }
  });
}

template <class Kind>
void add_to_weights(const WeightGradient& job, const float* sums) {
  constexpr int kTaps = Kind::kFilter * Kind::kFilter;
  const int in_blocks = job.x.blocks();
  const std::int64_t filter = job.dw.shape.sample_count();
  const std::int64_t point_step = std::int64_t{job.dy.blocks()} * in_blocks * kBlock * kBlock;
  parallel_for(job.dy.blocks(), [&](std::int64_t block) {
    const int lanes = lanes_of(job.dw.shape.n, static_cast<int>(block));
    for (int c = 0; c < job.dw.shape.c; ++c) {
      const float* from = sums + ((block * in_blocks + c / kBlock) * kBlock + c % kBlock) * kBlock;
      alignas(64) float g[static_cast<std::size_t>(kTaps)][kBlock];
      transform<typename Kind::FilterGradient>(
          [&](int i, int j) -> const Vec& { return as_vec(from + (i * kPatch + j) * point_step); },
          [&](int i, int j, const Vec& v) { as_vec(g[i * Kind::kFilter + j]) = v; });
      float* to = job.dw.data + block * kBlock * filter + std::int64_t{c} * kTaps;
      for (int lane = 0; lane < lanes; ++lane)
        for (int tap = 0; tap < kTaps; ++tap) to[lane * filter + tap] += g[tap][lane];
    }
  });
}

/// db[k] += sum of dy where it counts: threads take different filters.
void add_to_bias(const WeightGradient& job) {
  parallel_for(job.dy.blocks(), [&](std::int64_t block) {
    DoubleSums sum;
    for (int n = 0; n < job.dy.shape.n; ++n) {
      const float* dy = job.dy.at(n, static_cast<int>(block), 0, 0);
      const float* mask = job.mask == nullptr ? nullptr : job.mask + (dy - job.dy.data);
      for (std::int64_t row = 0; row < job.dy.plane(); row += job.dy.row()) {
        Vec total{};
        for (std::int64_t i = row; i < row + job.dy.row(); i += kBlock) {
          Vec v = as_vec(dy + i);
          if (mask != nullptr) keep_where_positive(v, as_vec(mask + i));
          total += v;
        }
        sum.add(total);
      }
    }
    for (int lane = 0; lane < lanes_of(job.db.shape.c, static_cast<int>(block)); ++lane)
      job.db.data[block * kBlock + lane] += static_cast<float>(sum.lane(lane));
  });
}

template <class Kind>
void run_kind(const WeightGradient& job) {
  const int in_blocks = job.x.blocks();
  const int out_blocks = job.dy.blocks();
  const Tiles tiles(job.dy.shape, Kind::kTile);
  const std::int64_t all = tiles.count();
  const std::int64_t block = tiles_of_block(in_blocks, out_blocks, all);
  const Points v(scratch(Slot::winograd_input, Points::floats(in_blocks, block)), in_blocks, block);
  const Points z(scratch(Slot::winograd_output, Points::floats(out_blocks, block)), out_blocks, block);
  const std::int64_t sum_floats = std::int64_t{kPoints} * in_blocks * out_blocks * kBlock * kBlock;
  float* sums = scratch(Slot::packed_weights, sum_floats);
  std::fill_n(sums, sum_floats, 0.0F);
  const std::int64_t blocks = (all + block - 1) / block;
  for (std::int64_t i = 0; i < blocks; ++i) {
    const Slice slice = shard(all, blocks, i);
    transform_tiles<InputTransform>(job.x, nullptr, job.padding_h, job.padding_w, tiles, slice, v);
    transform_tiles<typename Kind::Gradient>(job.dy, job.mask, 0, 0, tiles, slice, z);
    add_products(v, in_blocks, job.x.shape.c - (in_blocks - 1) * kBlock, z, out_blocks, slice.count, sums);
  }
  add_to_weights<Kind>(job, sums);
  if (job.db.data != nullptr) add_to_bias(job);
}

}  // namespace

void run(const WeightGradient& job) { job.dw.shape.h == For5x5::kFilter ? run_kind<For5x5>(job) : run_kind<For3x3>(job); }

}  // namespace convoy::cpu::blocked::winograd
