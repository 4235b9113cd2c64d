/// BatchLoader: every taker gets the images that it would have loaded by itself, in any number of threads, and mistakes reach it.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "reference/core/error.h"
#include "reference/data/loader.h"
#include "reference/data/synthetic.h"
#include "tests/catch.h"

using namespace convoy;

namespace {

Dataset some_images() {
  return make_synthetic({.image = {1, 2, 5, 4}, .classes = 3, .train_count = 40, .test_count = 1, .seed = 2}).train;
}

}  // namespace

TEST_CASE("takers on several threads get the right images of every step, and orders follow one another") {
  const Dataset data = some_images();
  const Augmentation augmentation{.crop = true, .crop_padding = 1, .flip = true};
  for (const int threads : {1, 3}) {
    BatchLoader loader(data, threads, 2);
    for (const std::int64_t first : {0, 7}) {
      const auto sample_at = [](std::int64_t step, std::int64_t position) { return (5 * step + 3 * position) % 40; };
      LoadOrder order{.first_step = first, .steps = 11, .positions = {2, 6}, .takers = 3, .sample_at = sample_at};
      order.augmentation = &augmentation;
      order.key = {.seed = 9, .epoch = 4};
      loader.begin(order);
      std::atomic<int> wrong = 0;
      const auto taker = [&](Slice mine) {
        std::vector<float> got(static_cast<std::size_t>(mine.count) * 40), expected(40);
        Picture scratch;
        for (std::int64_t step = first; step < first + 11; ++step) {
          std::fill(got.begin(), got.end(), -99.0F);
          loader.take(step, mine, got.data());
          for (std::int64_t i = 0; i < mine.count; ++i) {
            write_sample(data, sample_at(step, mine.offset + i), &augmentation, order.key, scratch, expected.data());
            wrong += std::equal(expected.begin(), expected.end(), got.begin() + 40 * i) ? 0 : 1;
          }
        }
      };
      std::thread a(taker, Slice{2, 6}), b(taker, Slice{5, 2}), c(taker, Slice{0, 0});
      a.join();
      b.join();
      c.join();
      loader.end();
      REQUIRE(wrong == 0);
      REQUIRE(loader.waited_s() >= 0);
    }
  }
}

TEST_CASE("waiting is counted, and an order may end early") {
  Dataset slow = some_images();
  slow.pictures = [](std::int64_t, Picture& picture) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    picture.shape = {1, 2, 5, 4};
    picture.pixels.assign(40, 1);
  };
  BatchLoader loader(slow, 1);
  LoadOrder order{.first_step = 0, .steps = 1000, .positions = {0, 1}, .sample_at = [](std::int64_t, std::int64_t) { return 0; }};
  loader.begin(order);
  std::vector<float> image(40);
  // Whoever takes may be held up for so long that the image is there; not every time.
  for (std::int64_t step = 0; step < order.steps && loader.waited_s() == 0; ++step) loader.take(step, {0, 1}, image.data());
  REQUIRE(loader.waited_s() > 0);
  loader.end();
  loader.reset_waiting();
  REQUIRE(loader.waited_s() == 0);
}

TEST_CASE("what goes wrong in a loader's thread reaches who takes") {
  Dataset broken = some_images();
  broken.pictures = [](std::int64_t index, Picture& picture) {
    if (index == 2) throw InputError("'cat.jpg' cannot be decoded");
    picture.shape = {1, 2, 5, 4};
    picture.pixels.assign(40, 1);
  };
  BatchLoader loader(broken, 2);
  const auto sample_at = [](std::int64_t step, std::int64_t) { return step; };
  loader.begin({.first_step = 0, .steps = 6, .positions = {0, 1}, .takers = 1, .sample_at = sample_at});
  std::vector<float> image(40);
  const auto take_all = [&] {
    for (std::int64_t step = 0; step < 6; ++step) loader.take(step, {0, 1}, image.data());
  };
  REQUIRE_THROWS_AS(take_all(), InputError);
  loader.end();
  REQUIRE(loader.failure() != nullptr);
}
