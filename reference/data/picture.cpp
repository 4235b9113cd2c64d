#include "reference/data/picture.h"

#include <algorithm>
#include <cmath>

#include "reference/core/error.h"
#include "reference/data/decoders.h"

namespace convoy {
namespace {

/// Which old elements make up a new one, and in which shares.
struct Weights {
  int first = 0;
  std::vector<float> shares;  ///< add up to 1
};

/// One side of a picture, from `from` to `to` pixels.
std::vector<Weights> triangle_filter(int from, int to) {
  const double scale = static_cast<double>(from) / to;
  const double reach = std::max(1.0, scale);
  std::vector<Weights> filter(static_cast<std::size_t>(to));
  for (int i = 0; i < to; ++i) {
    const double centre = (i + 0.5) * scale;
    const int first = std::clamp(static_cast<int>(std::floor(centre - reach)), 0, from - 1);
    const int end = std::clamp(static_cast<int>(std::ceil(centre + reach)), first + 1, from);
    Weights& weights = filter[static_cast<std::size_t>(i)];
    weights.first = first;
    double sum = 0;
    for (int j = first; j < end; ++j) {
      const double share = std::max(0.0, 1 - std::abs(j + 0.5 - centre) / reach);
      weights.shares.push_back(static_cast<float>(share));
      sum += share;
    }
    for (float& share : weights.shares) share = static_cast<float>(share / sum);
  }
  return filter;
}

/// rows x from -> rows x to, each row by itself; `next` is the distance of neighbours in a row, `line` of rows.
struct Lines {
  std::size_t count, line, next;
};
template <class In, class Out>
void filter_lines(const std::vector<Weights>& filter, const In* in, const Lines& from, Out* out, const Lines& to) {
  for (std::size_t r = 0; r < from.count; ++r)
    for (std::size_t i = 0; i < filter.size(); ++i) {
      float sum = 0;
      const In* at = in + r * from.line + static_cast<std::size_t>(filter[i].first) * from.next;
      for (std::size_t j = 0; j < filter[i].shares.size(); ++j)
        sum += filter[i].shares[j] * static_cast<float>(at[j * from.next]);
      if constexpr (std::is_same_v<Out, std::uint8_t>) {
        out[r * to.line + i * to.next] = static_cast<std::uint8_t>(std::clamp(sum + 0.5F, 0.0F, 255.0F));
      } else {
        out[r * to.line + i * to.next] = sum;
      }
    }
}

}  // namespace

void require_picture_size(const std::string& name, std::int64_t height, std::int64_t width) {
  if (height < 1 || width < 1 || height > kMostPixelsOfASide || width > kMostPixelsOfASide || height * width > kMostPixels)
    throw InputError(cat("'", name, "' has ", height, " x ", width, " pixels; pictures have 1 to ", kMostPixelsOfASide,
                         " a side and at most ", kMostPixels, " in all; resize it"));
}

void separate_channels(const std::vector<std::uint8_t>& rows, int height, int width, int channels, Picture& picture) {
  picture.shape = {1, channels, height, width};
  const auto count = static_cast<std::size_t>(height) * static_cast<std::size_t>(width);
  const auto planes = static_cast<std::size_t>(channels);
  require(rows.size() == count * planes, "separate_channels", rows.size(), " bytes for ", to_string(picture.shape));
  picture.pixels.resize(rows.size());
  for (std::size_t c = 0; c < planes; ++c)
    for (std::size_t i = 0; i < count; ++i) picture.pixels[c * count + i] = rows[i * planes + c];
}

void parse_picture(std::span<const std::byte> bytes, const std::string& name, int channels, int shorter_side, Picture& picture) {
  require(channels == 1 || channels == 3, "parse_picture", channels, " channels");
  const auto begins_with = [&](std::initializer_list<int> magic) {
    return bytes.size() >= magic.size() &&
           std::equal(magic.begin(), magic.end(), bytes.begin(), [](int m, std::byte b) { return std::byte(m) == b; });
  };
  if (begins_with({0xFF, 0xD8, 0xFF})) return parse_jpeg(bytes, name, channels, shorter_side, picture);
  if (begins_with({0x89, 'P', 'N', 'G'})) return parse_png(bytes, name, channels, picture);
  throw InputError(cat("'", name, "' is neither a JPEG nor a PNG file (", bytes.size(), " bytes); remove or replace it"));
}

void resize_shorter_side(Picture& picture, int shorter_side) {
  const Shape old = picture.shape;
  const int shorter = std::min(old.h, old.w);
  if (shorter == shorter_side) return;
  const auto scaled = [&](int side) {
    return std::max(shorter_side, static_cast<int>(std::lround(static_cast<double>(side) * shorter_side / shorter)));
  };
  picture.shape.h = scaled(old.h);
  picture.shape.w = scaled(old.w);
  require_picture_size("a resized picture", picture.shape.h, picture.shape.w);
  const auto at = [](int n) { return static_cast<std::size_t>(n); };
  const std::vector<Weights> across = triangle_filter(old.w, picture.shape.w), down = triangle_filter(old.h, picture.shape.h);
  std::vector<float> wide(at(old.c) * at(old.h) * at(picture.shape.w));
  filter_lines(across, picture.pixels.data(), {at(old.c) * at(old.h), at(old.w), 1}, wide.data(), {0, at(picture.shape.w), 1});
  picture.pixels.resize(at(old.c) * at(picture.shape.h) * at(picture.shape.w));
  for (int c = 0; c < old.c; ++c)
    filter_lines(down, wide.data() + at(c) * at(old.h) * at(picture.shape.w), {at(picture.shape.w), 1, at(picture.shape.w)},
                 picture.pixels.data() + at(c) * at(picture.shape.h) * at(picture.shape.w), {0, 1, at(picture.shape.w)});
}

}  // namespace convoy
