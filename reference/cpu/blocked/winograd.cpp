#include "reference/cpu/blocked/winograd.h"

#include "reference/cpu/blocked/checks.h"
#include "reference/cpu/blocked/partial_sums.h"
#include "reference/cpu/blocked/tiles.h"
#include "reference/cpu/blocked/winograd_tiles.h"
#include "reference/cpu/scratch.h"

// Note [blocks of tiles]: a thread transforms the input of some tiles, multiplies them with the transformed filters, one product
// of matrices a point, and transforms the products back. The more tiles a block has, the less often the filters are read; the
// fewer, the more of the block stays in the second cache between the three steps.

namespace convoy::cpu::blocked::winograd {
namespace {

constexpr std::int64_t kCacheFloats = 160 * 1024;  // of a block's two transformed tensors, in a second cache of 256 Ki floats

/// Tiles of a block.
std::int64_t tiles_of_block(int in_blocks, int out_blocks, std::int64_t all) {
  const std::int64_t floats_a_tile = std::int64_t{kPoints} * kBlock * (in_blocks + out_blocks);
  const std::int64_t filters = std::int64_t{in_blocks} * out_blocks;
  const std::int64_t least = filters <= 16 ? 28 : filters <= 64 ? 56 : 196;  // filters that exceed the cache are read less often
  const std::int64_t wanted = std::max(least, kCacheFloats / floats_a_tile / 14 * 14);
  const std::int64_t a_thread = (all + max_threads() - 1) / max_threads();
  const std::int64_t blocks = (a_thread + wanted - 1) / wanted;  // equally large ones
  return std::max<std::int64_t>(1, (a_thread + blocks - 1) / blocks);
}

/// How many blocks of filters a tile of products has.
int filter_blocks_of(int out_blocks) { return std::min({kMaxBlocks, 2, out_blocks}); }

/// Transformed filters [36][group of filter blocks][channels][filter blocks][16].
struct Filters {
  float* data = nullptr;
  std::int64_t point = 0;  ///< floats from point to point
  int ins = 0, out_blocks = 0, blocks = 1;
};

template <class Kind>
void transform_filters(const Convolution& c, const Filters& f) {
  constexpr int kTaps = Kind::kFilter * Kind::kFilter;
  const int outs = c.transposed ? c.w.shape.c : c.w.shape.n;
  const std::int64_t filter = std::int64_t{c.w.shape.c} * kTaps;
  const std::int64_t out_step = c.transposed ? kTaps : filter;
  const std::int64_t in_step = c.transposed ? filter : kTaps;
  parallel_for(f.out_blocks, [&](std::int64_t out_block) {
    const std::int64_t group = out_block / f.blocks;
    const std::int64_t blocks = std::min<std::int64_t>(f.blocks, f.out_blocks - group * f.blocks);
    float* to = f.data + group * f.blocks * f.ins * kBlock + (out_block - group * f.blocks) * kBlock;
    const int lanes = lanes_of(outs, static_cast<int>(out_block));
    for (int in = 0; in < f.ins; ++in, to += blocks * kBlock) {
      alignas(64) float g[static_cast<std::size_t>(kTaps)][kBlock] = {};
      const float* from = c.w.data + out_block * kBlock * out_step + in * in_step;
      for (int lane = 0; lane < lanes; ++lane)
        for (int tap = 0; tap < kTaps; ++tap) g[tap][lane] = from[lane * out_step + (c.transposed ? kTaps - 1 - tap : tap)];
      transform<typename Kind::Filter>([&](int i, int j) -> const Vec& { return as_vec(g[i * Kind::kFilter + j]); },
                                       [&](int i, int j, const Vec& v) { as_vec(to + (i * kPatch + j) * f.point) = v; });
    }
  });
}

/// Everything a block needs.
struct Work {
  const Convolution& c;
  Tiles tiles;
  Filters filters;
  const float* bias;   ///< by block of filters, zeros when there is none
  const float* zeros;  ///< where products begin
};

void transform_input(const Work& work, Slice tiles, const Points& v) {
  const Convolution& c = work.c;
  for (int block = 0; block < c.x.blocks(); ++block) {
    for (std::int64_t t = 0; t < tiles.count; ++t) {
      const Place place(work.tiles, tiles.offset + t);
      const std::int64_t plane = (std::int64_t{place.n} * c.x.blocks() + block) * c.x.plane();
      const Patch patch{c.x.data + plane,
                        c.mask == nullptr ? nullptr : c.mask + plane,
                        c.x.shape.h,
                        c.x.shape.w,
                        place.row - c.padding_h,
                        place.column - c.padding_w};
      transform_patch<InputTransform>(patch, v.at(0, block, t), v.point);
    }
  }
}

void multiply(const Work& work, std::int64_t tiles, const Points& v, const Points& m) {
  const Filters& f = work.filters;
  const std::int64_t tap = 0;
  const TileJob job{.taps = &tap,
                    .tap_count = 1,
                    .planes = blocks_of(f.ins),
                    .lanes = kBlock,
                    .last_lanes = f.ins - (blocks_of(f.ins) - 1) * kBlock,
                    .x_plane = v.block,
                    .x_step = kBlock,
                    .y_plane = m.block,
                    .y_step = kBlock};
  for (int point = 0; point < kPoints; ++point) {
    for (int first = 0; first < f.out_blocks; first += f.blocks) {
      const int blocks = std::min(f.blocks, f.out_blocks - first);
      const float* weights = f.data + point * f.point + std::int64_t{first} * f.ins * kBlock;
      const std::int64_t parts = (tiles + max_pixels(blocks) - 1) / max_pixels(blocks);
      for (std::int64_t part = 0; part < parts; ++part) {
        const Slice slice = shard(tiles, parts, part);
        tile_function(kBlock, static_cast<int>(slice.count), blocks)(job, v.at(point, 0, slice.offset), weights, work.zeros,
                                                                     m.at(point, first, slice.offset), nullptr, 0);
      }
    }
  }
}

/// Outputs of a tile at y, as far as they are in the image.
struct Outputs {
  float* y;
  int rows, columns;
  std::int64_t row;
};

/// kSums: adds up the outputs too.
template <class Kind, bool kSums>
void transform_output(const float* products, std::int64_t point_step, const Outputs& out, const Vec& bias, bool relu, Vec& sum,
                      Vec& squares) {
  transform<typename Kind::Output>([&](int i, int j) -> const Vec& { return as_vec(products + (i * kPatch + j) * point_step); },
                                   [&](int i, int j, const Vec& value) {
                                     if (i >= out.rows || j >= out.columns) return;
                                     Vec v = value + bias;
                                     if (relu) apply_relu(v);
                                     if constexpr (kSums) {
                                       sum += v;
                                       squares += v * v;
                                     }
                                     as_vec(out.y + i * out.row + j * kBlock) = v;
                                   });
}

template <class Kind>
void transform_outputs(const Work& work, Slice tiles, const Points& m, double* sums) {
  const Convolution& c = work.c;
  for (int block = 0; block < c.y.blocks(); ++block) {
    const Vec bias = as_vec(work.bias + block * kBlock);
    DoubleSums total, squares_total;
    for (std::int64_t t = 0; t < tiles.count; ++t) {
      const Place place(work.tiles, tiles.offset + t);
      const Outputs out{c.y.at(place.n, block, place.row, place.column), std::min(Kind::kTile, c.y.shape.h - place.row),
                        std::min(Kind::kTile, c.y.shape.w - place.column), c.y.row()};
      Vec sum{}, squares{};
      if (sums == nullptr) {
        transform_output<Kind, false>(m.at(0, block, t), m.point, out, bias, c.relu, sum, squares);
        continue;
      }
      transform_output<Kind, true>(m.at(0, block, t), m.point, out, bias, c.relu, sum, squares);
      total.add(sum);
      squares_total.add(squares);
    }
    if (sums != nullptr) add_to(sums, c.y.blocks(), block, total, squares_total);
  }
}

template <class Kind>
void run_kind(const Convolution& c) {
  const int out_blocks = c.y.blocks();
  Filters filters{.ins = c.x.shape.c, .out_blocks = out_blocks, .blocks = filter_blocks_of(out_blocks)};
  filters.point = (std::int64_t{filters.ins} * out_blocks + 1) * kBlock;
  const std::int64_t bias_floats = std::int64_t{out_blocks + 2} * kBlock;
  float* bias = scratch(Slot::packed_weights, kPoints * filters.point + bias_floats);
  filters.data = bias + bias_floats;
  std::fill_n(bias, bias_floats, 0.0F);
  float* zeros = bias + std::int64_t{out_blocks} * kBlock;
  if (c.bias != nullptr) std::copy_n(c.bias, c.y.shape.c, bias);
  transform_filters<Kind>(c, filters);
  const Work work{c, Tiles(c.y.shape, Kind::kTile), filters, bias, zeros};
  const std::int64_t all = work.tiles.count();
  const std::int64_t block = tiles_of_block(c.x.blocks(), out_blocks, all);
  const std::int64_t blocks = (all + block - 1) / block;
  const std::int64_t workers = std::min<std::int64_t>(blocks, max_threads());
  double* sums = c.sums.empty() ? nullptr : zeroed_sums(workers, out_blocks);
  parallel_for(workers, [&](std::int64_t worker) {
    const Points v(scratch(Slot::winograd_input, Points::floats(c.x.blocks(), block)), c.x.blocks(), block);
    const Points m(scratch(Slot::winograd_output, Points::floats(out_blocks, block)), out_blocks, block);
    const Slice own = shard(blocks, workers, worker);
    for (std::int64_t i = own.offset; i < own.end(); ++i) {
      const Slice tiles = shard(all, blocks, i);
      transform_input(work, tiles, v);
      multiply(work, tiles.count, v, m);
      transform_outputs<Kind>(work, tiles, m, sums == nullptr ? nullptr : sums + worker * 2 * out_blocks * kBlock);
    }
  });
  if (sums != nullptr) add_parts(sums, workers, c.y.shape.c, {0, c.y.shape.c}, c.sums);
}

}  // namespace

void run(const Convolution& c) { c.w.shape.h == For5x5::kFilter ? run_kind<For5x5>(c) : run_kind<For3x3>(c); }

}  // namespace convoy::cpu::blocked::winograd
