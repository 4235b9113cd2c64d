/// Samples: images as a network sees them, cut out of pictures, mirrored, and normalised.
#pragma once

#include <cstdint>
#include <vector>

#include "reference/data/dataset.h"

namespace convoy {

/// How training images are varied from epoch to epoch.
struct Augmentation {
  bool crop = false;     ///< the part of the picture that is used lies anywhere, instead of in the middle
  int crop_padding = 4;  ///< crop: pixels of 0 around pictures that are as large as the network's images
  bool flip = false;     ///< half of the images are mirrored, left to right
  friend bool operator==(const Augmentation&, const Augmentation&) = default;
};

/// What decides how one image is varied: the same in every run and on every rank.
struct VariationKey {
  std::uint64_t seed = 1;
  int epoch = 0;
};

/// The part of a picture that becomes an image. Rows and columns outside of the picture are 0 in bytes.
struct Crop {
  int top = 0, left = 0;  ///< in the picture; below 0 where there is padding
  bool mirrored = false;
  friend bool operator==(const Crop&, const Crop&) = default;
};

/// The part in the middle.
Crop centre_crop(const Shape& picture, const Shape& image);
/// A part that follows from key and index: every position, and both directions, are equally likely.
Crop random_crop(const Augmentation& augmentation, const Shape& picture, const Shape& image, const VariationKey& key,
                 std::int64_t index);

/// Writes image `index` of the data to out[0 .. image.sample_count), as (pixel/255 - mean) / deviation. `augmentation` is for
/// training; null: the middle of the picture. `scratch` is memory that is used again and again. Throws std::invalid_argument when
/// there is no such image, and an InputError that names a file which cannot be decoded.
void write_sample(const Dataset& data, std::int64_t index, const Augmentation* augmentation, const VariationKey& key,
                  Picture& scratch, float* out);
void write_sample(const Dataset& data, std::int64_t index, const Augmentation* augmentation, const VariationKey& key,
                  Picture& scratch, double* out);

}  // namespace convoy
