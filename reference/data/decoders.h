/// The two decoders behind parse_picture().
#pragma once

#include "reference/data/picture.h"

namespace convoy {

/// Largest pictures that are accepted.
inline constexpr std::int64_t kMostPixelsOfASide = 16384;
inline constexpr std::int64_t kMostPixels = std::int64_t{1} << 26;
/// Throws the InputError about a picture that is too large, or empty.
void require_picture_size(const std::string& name, std::int64_t height, std::int64_t width);
/// From rows of interleaved channels to C, H, W.
void separate_channels(const std::vector<std::uint8_t>& rows, int height, int width, int channels, Picture& picture);

void parse_jpeg(std::span<const std::byte> bytes, const std::string& name, int channels, int shorter_side, Picture& picture);
void parse_png(std::span<const std::byte> bytes, const std::string& name, int channels, Picture& picture);

}  // namespace convoy
