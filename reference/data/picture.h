/// Pictures: JPEG and PNG files as bytes in the order C, H, W.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "reference/core/shape.h"

namespace convoy {

/// One picture; `pixels` keeps its memory when another one is put in its place.
struct Picture {
  Shape shape{1, 1, 1, 1};
  std::vector<std::uint8_t> pixels;  ///< shape.sample_count() bytes
};

/// Decodes a JPEG or PNG file, told apart by its first bytes, into `channels` channels: 1 grey, 3 red, green and blue. Grey becomes
/// colour and colour grey as needed; CMYK becomes RGB; what is transparent lies on white. A JPEG whose shorter side is more than
/// twice `shorter_side` is decoded at half, a quarter or an eighth of its size. Throws an InputError that names the file for what
/// cannot be decoded, ends too early, or is larger than 16384 pixels a side or 2^26 in all.
void parse_picture(std::span<const std::byte> bytes, const std::string& name, int channels, int shorter_side, Picture& picture);

/// Resizes to a shorter side of this many pixels, the other in proportion, with a triangle filter as wide as a pixel of the coarser
/// grid (what Pillow and torchvision call bilinear with antialiasing).
void resize_shorter_side(Picture& picture, int shorter_side);

}  // namespace convoy
