#include "reference/data/sample.h"

#include <algorithm>
#include <array>
#include <span>

#include "reference/core/error.h"
#include "reference/core/random.h"

namespace convoy {
namespace {

/// Its 256 normalised values for every byte of a channel.
template <class T>
std::array<T, 256> normalised_bytes(const Dataset& data, int channel) {
  const auto of_channel = [&](const std::vector<double>& values) {
    return values.size() == 1 ? values.front() : values.at(static_cast<std::size_t>(channel));
  };
  const double mean = of_channel(data.mean), deviation = of_channel(data.deviation);
  const double scale = 1.0 / (255.0 * deviation);
  const double offset = -mean / deviation;
  std::array<T, 256> normalised{};
  for (std::size_t value = 0; value < normalised.size(); ++value)
    normalised.at(value) = static_cast<T>(static_cast<double>(value) * scale + offset);
  return normalised;
}

/// Cuts `crop` out of pixels, which are C, H, W. Every byte is looked up in a table.
template <class T>
void cut_out(std::span<const std::uint8_t> pixels, const Shape& picture, const Shape& image, const Crop& crop,
             const Dataset& data, T* out) {
  const int first = std::clamp(-crop.left, 0, image.w);  // columns of the image that lie in the picture
  const int end = std::clamp(picture.w - crop.left, first, image.w);
  for (int c = 0; c < image.c; ++c) {
    const std::array<T, 256> normalised = normalised_bytes<T>(data, c);
    for (int h = 0; h < image.h; ++h, out += image.w) {
      const int row = crop.top + h;
      if (row < 0 || row >= picture.h) {
        std::fill_n(out, image.w, normalised[0]);
        continue;
      }
      const std::uint8_t* from = pixels.data() + (static_cast<std::int64_t>(c) * picture.h + row) * picture.w;
      std::fill_n(out, first, normalised[0]);
      for (int w = first; w < end; ++w) out[w] = normalised[from[crop.left + w]];
      std::fill(out + end, out + image.w, normalised[0]);
      if (crop.mirrored) std::reverse(out, out + image.w);
    }
  }
}

template <class T>
void write_any(const Dataset& data, std::int64_t index, const Augmentation* augmentation, const VariationKey& key,
               Picture& scratch, T* out) {
  require(index >= 0 && index < data.count(), "write_sample", "image ", index, " of ", data.count());
  Shape shape = data.image;
  std::span<const std::uint8_t> pixels;
  if (data.pictures) {
    data.pictures(index, scratch);
    shape = scratch.shape;
    pixels = scratch.pixels;
  } else {
    const auto count = static_cast<std::size_t>(data.image.sample_count());
    pixels = std::span(data.pixels).subspan(static_cast<std::size_t>(index) * count, count);
  }
  const Crop crop =
      augmentation != nullptr ? random_crop(*augmentation, shape, data.image, key, index) : centre_crop(shape, data.image);
  cut_out(pixels, shape, data.image, crop, data, out);
}

}  // namespace

Crop centre_crop(const Shape& picture, const Shape& image) {
  return {.top = (picture.h - image.h) / 2, .left = (picture.w - image.w) / 2};
}

Crop random_crop(const Augmentation& augmentation, const Shape& picture, const Shape& image, const VariationKey& key,
                 std::int64_t index) {
  constexpr int kPurpose = 4;  // another stream of numbers than the order of images draws from
  Random random(random_bits(key.seed, kPurpose, key.epoch, index));
  Crop crop = centre_crop(picture, image);
  if (augmentation.crop) {
    const auto anywhere = [&](int whole, int part) {
      const int padding = whole == part ? augmentation.crop_padding : 0;
      return static_cast<int>(random.below(whole - part + 2 * padding + 1)) - padding;
    };
    crop.top = anywhere(picture.h, image.h);
    crop.left = anywhere(picture.w, image.w);
  }
  crop.mirrored = augmentation.flip && random.below(2) == 1;
  return crop;
}

void write_sample(const Dataset& data, std::int64_t index, const Augmentation* augmentation, const VariationKey& key,
                  Picture& scratch, float* out) {
  write_any(data, index, augmentation, key, scratch, out);
}
void write_sample(const Dataset& data, std::int64_t index, const Augmentation* augmentation, const VariationKey& key,
                  Picture& scratch, double* out) {
  write_any(data, index, augmentation, key, scratch, out);
}

}  // namespace convoy
