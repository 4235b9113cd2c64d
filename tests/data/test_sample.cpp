/// Crops and flips: the right pixels, equally likely, and the same whoever asks.
#include <cmath>
#include <map>

#include "reference/data/sample.h"
#include "tests/catch.h"

using namespace convoy;

namespace {

/// Two images of 1 x 3 x 4 with another byte at every place.
Dataset numbered() {
  Dataset data{.name = "numbered", .image = {1, 1, 3, 4}, .classes = 2, .pixels = {}, .labels = {0, 1}};
  for (int i = 0; i < 24; ++i) data.pixels.push_back(static_cast<std::uint8_t>(10 + i));
  data.mean = {0.5};
  data.deviation = {0.25};
  return data;
}

double normalised(int byte) { return (byte / 255.0 - 0.5) / 0.25; }

}  // namespace

TEST_CASE("an image is cut out where its crop says, mirrored, with zeros around") {
  const Dataset data = numbered();
  const Augmentation augmentation{.crop = true, .crop_padding = 2, .flip = true};
  Picture scratch;
  std::map<std::pair<int, int>, int> seen;
  int mirrored = 0;
  for (int epoch = 0; epoch < 400; ++epoch) {
    const VariationKey key{.seed = 3, .epoch = epoch};
    const Crop crop = random_crop(augmentation, data.image, data.image, key, 1);
    REQUIRE(crop == random_crop(augmentation, data.image, data.image, key, 1));
    ++seen[{crop.top, crop.left}];
    mirrored += crop.mirrored ? 1 : 0;
    double out[12];
    write_sample(data, 1, &augmentation, key, scratch, out);
    for (int h = 0; h < 3; ++h)
      for (int w = 0; w < 4; ++w) {
        const int row = h + crop.top, column = (crop.mirrored ? 3 - w : w) + crop.left;
        const bool inside = row >= 0 && row < 3 && column >= 0 && column < 4;
        const double expected = normalised(inside ? 22 + 4 * row + column : 0);
        REQUIRE(std::abs(out[4 * h + w] - expected) <= 1e-14);
      }
  }
  REQUIRE(seen.size() == 25);  // 5 x 5 places, 16 times each on average
  for (const auto& [place, times] : seen) {
    REQUIRE(std::abs(place.first) <= 2);
    REQUIRE(std::abs(place.second) <= 2);
    REQUIRE(times >= 3);
    REQUIRE(times <= 40);
  }
  REQUIRE(mirrored > 150);
  REQUIRE(mirrored < 250);
}

TEST_CASE("every channel is normalised by its own mean and deviation") {
  Dataset colours{.name = "colours", .image = {1, 3, 2, 2}, .classes = 2, .pixels = {}, .labels = {0, 1}};
  for (int image = 0; image < 2; ++image)
    for (const int shade : {20, 100, 240})
      for (int i = 0; i < 4; ++i) colours.pixels.push_back(static_cast<std::uint8_t>(shade + (i % 2 == 0 ? -shade : shade) / 20));
  TrainingData data{.train = colours, .test = colours};
  normalise(data);
  REQUIRE(data.test.mean == data.train.mean);
  REQUIRE(data.test.deviation == data.train.deviation);
  const std::vector<double> expected = {20 / 255.0, 100 / 255.0, 240 / 255.0};
  REQUIRE(data.train.mean.size() == 3);
  for (std::size_t c = 0; c < 3; ++c) {
    REQUIRE(std::abs(data.train.mean[c] - expected[c]) <= 1e-12);
    REQUIRE(std::abs(data.train.deviation[c] - expected[c] / 20) <= 1e-12);
  }
  double out[12];
  data.test.copy_sample(1, out);
  for (int i = 0; i < 12; ++i) REQUIRE(std::abs(out[i] - (i % 2 == 0 ? -1 : 1)) <= 1e-9);
  data.train.mean = {0.5};  // one for all
  data.train.deviation = {0.25};
  data.train.copy_sample(0, out);
  REQUIRE(std::abs(out[11] - normalised(252)) <= 1e-12);
}

TEST_CASE("without augmentation the middle of a picture is used; its parts when it is larger than the image") {
  Dataset data = numbered();
  data.pixels.clear();
  data.pictures = [](std::int64_t index, Picture& picture) {
    picture.shape = {1, 1, 5, 8};
    picture.pixels.resize(40);
    for (std::size_t i = 0; i < 40; ++i) picture.pixels[i] = static_cast<std::uint8_t>(static_cast<std::size_t>(index) * 100 + i);
  };
  float out[12];
  data.copy_sample(1, out);
  for (int h = 0; h < 3; ++h)
    for (int w = 0; w < 4; ++w)
      REQUIRE(std::abs(static_cast<double>(out[4 * h + w]) - normalised(100 + 8 * (h + 1) + w + 2)) <= 1e-6);
  const Augmentation augmentation{.crop = true, .crop_padding = 9};  // padding is for pictures of the image's size only
  std::map<std::pair<int, int>, int> seen;
  for (int epoch = 0; epoch < 300; ++epoch) {
    const Crop crop = random_crop(augmentation, {1, 1, 5, 8}, data.image, {.seed = 1, .epoch = epoch}, 0);
    REQUIRE_FALSE(crop.mirrored);
    ++seen[{crop.top, crop.left}];
  }
  REQUIRE(seen.size() == 15);
  REQUIRE(seen.begin()->first == std::pair(0, 0));
  REQUIRE(seen.rbegin()->first == std::pair(2, 4));
  REQUIRE_THROWS_AS(data.copy_sample(2, out), std::invalid_argument);
}
