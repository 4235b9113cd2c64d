/// How a tile lies in shared memory for wgmma, and the descriptor that tells it so. PTX ISA, "Asynchronous Warpgroup Level Matrix
/// Instructions": shared memory matrix layout and matrix descriptor.
///
/// A tile is 64 rows of 32 floats along K, 128 bytes a row, which the ISA calls K-major. Rows are cut into eight chunks of 16 bytes, and
/// chunk c of row r lies where chunk c xor (r mod 8) would, the "128-byte swizzle":
///
///     row 0   0 1 2 3 4 5 6 7        Down a column of chunks, the eight rows have eight different places, so that whoever reads or
///     row 1   1 0 3 2 5 4 7 6        writes the same chunk of eight rows meets all 32 banks: it costs nothing to turn a matrix on
///     row 2   2 3 0 1 6 7 4 5        its way in.
///     ...
///
/// The hardware does not count rows: it takes bits 7 to 9 of the address and xors them into bits 4 to 6. That is the same as long as a tile
/// begins on a multiple of 1024 bytes.
#pragma once

#include <cstdint>

#include "reference/cuda/platform.cuh"

namespace convoy::cuda::CONVOY_CUDA_SIDE {

inline constexpr int kGroupTile = 64;   // rows of a tile: of A, or columns of B
inline constexpr int kGroupDepth = 32;  // of K: 128 bytes
inline constexpr int kGroupTileFloats = kGroupTile * kGroupDepth;
inline constexpr int kGroupStep = 8;  // of K, in one instruction

/// Where number (row, k) of a tile lies, in floats from its beginning. Four numbers from a k that 4 divides lie side by side.
__host__ __device__ constexpr int group_tile_index(int row, int k) { return row * kGroupDepth + ((k / 4) ^ (row % 8)) * 4 + k % 4; }

/// The descriptor of the 64 x 8 part of a tile that begins at row 0 and k, a multiple of 8. `tile`: address of the tile in shared
/// memory. Bits: 0-13 address / 16, 16-29 distance of the next part along K / 16, unused with this swizzle, 32-45 distance of the next
/// eight rows / 16, 49-51 what a tile is off from a multiple of 1024, 0 here, 62-63 swizzle, 1 for 128 bytes.
__host__ __device__ constexpr std::uint64_t group_tile_descriptor(std::uint32_t tile, int k) {
  constexpr std::uint64_t kUnused = 1, kEightRows_bytes = 8 * kGroupDepth * 4, kSwizzle_128 = 1;
  const std::uint64_t begin = tile + static_cast<std::uint32_t>(k) * 4;
  return (begin & 0x3ffff) >> 4 | kUnused << 16 | kEightRows_bytes >> 4 << 32 | kSwizzle_128 << 62;
}

}  // namespace convoy::cuda::CONVOY_CUDA_SIDE
