/// CIFAR-10's files and folders of pictures.
#include <cmath>
#include <filesystem>
#include <fstream>
#include <set>
#include <span>

#include "reference/core/error.h"
#include "reference/data/cifar10.h"
#include "reference/data/image_folder.h"
#include "reference/data/open.h"
#include "tests/catch.h"
#include "tests/data/picture_files.h"
#include "tests/data/temporary_folder.h"

using namespace convoy;

namespace {

void write(const std::filesystem::path& path, const std::string& bytes) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << bytes;
}

/// A record whose bytes all differ from their neighbours'.
std::string record(int label, int salt) {
  std::string bytes(1, static_cast<char>(label));
  for (int i = 0; i < 3072; ++i) bytes += static_cast<char>((i * 7 + salt) % 256);
  return bytes;
}

template <class Action>
std::string refusal(const Action& action) {
  try {
    action();
  } catch (const InputError& error) {
    return error.what();
  }
  return "accepted";
}

/// A picture in one shade.
std::string shade(int value, unsigned height = 9, unsigned width = 12) {
  return png_file(std::vector<unsigned char>(static_cast<std::size_t>(height) * width, static_cast<unsigned char>(value)), height,
                  width, PNG_FORMAT_GRAY);
}

const ImageFolderSettings kSmall{.image = {1, 3, 7, 7}, .seed = 1};

}  // namespace

TEST_CASE("CIFAR-10: five files to train on, one to test, labels and planes in their places") {
  const TemporaryFolder folder;
  for (int i = 1; i <= 5; ++i) write(folder.path() / cat("data_batch_", i, ".bin"), record(i, i) + record(9 - i, 50 + i));
  write(folder.path() / "test_batch.bin", record(7, 99));
  const TrainingData data =
      open_data({.source = folder.path().string(), .image = {1, 3, 32, 32}, .classes = 10, .model = "resnet20"});
  REQUIRE(data.train.labels == std::vector<int>{1, 8, 2, 7, 3, 6, 4, 5, 5, 4});
  REQUIRE(data.test.labels == std::vector<int>{7});
  REQUIRE(data.train.image == Shape{1, 3, 32, 32});
  REQUIRE(data.train.pixels[3072 * 2 + 1000] == (1000 * 7 + 2) % 256);
  REQUIRE(data.train.class_names.at(6) == "frog");
  REQUIRE(data.train.mean.size() == 3);
  REQUIRE(data.train.deviation.size() == 3);
  REQUIRE(data.train.deviation.back() > 0.1);
  write(folder.path() / "test_batch.bin", record(10, 99));
  REQUIRE(refusal([&] { read_cifar10_folder(folder.path(), "c"); }).find("byte 0: label 10, expected 0 to 9") !=
          std::string::npos);
  write(folder.path() / "test_batch.bin", record(1, 99).substr(1));
  REQUIRE(refusal([&] { read_cifar10_folder(folder.path(), "c"); }).find("3072 bytes, expected a multiple of 3073") !=
          std::string::npos);
}

TEST_CASE("a folder with train and val: classes by name, pictures resized and cropped, grey as colour") {
  const TemporaryFolder folder;
  for (const char* split : {"train", "val"})
    for (const auto& [name, value] : {std::pair("cat", 60), std::pair("dog", 180)}) {
      write(folder.path() / split / name / "b.PNG", shade(value));
      write(folder.path() / split / name / "a.jpg",
            jpeg_file(std::vector<unsigned char>(200, static_cast<unsigned char>(value + 20)), 10, 20, 1));
      write(folder.path() / split / name / "notes.txt", "no picture");
    }
  const TrainingData data = open_data({.source = folder.path().string(), .image = {1, 3, 7, 7}, .classes = 5, .model = "m"});
  REQUIRE(data.train.class_names == std::vector<std::string>{"cat", "dog"});
  REQUIRE(data.train.labels == std::vector<int>{0, 0, 1, 1});
  REQUIRE(data.test.count() == 4);
  float image[147];
  const int shades[] = {80, 60, 200, 180};
  for (int i = 0; i < 4; ++i) {
    data.train.copy_sample(i, image);
    for (const float value : image)
      REQUIRE(std::abs(static_cast<double>(value) * data.train.deviation[1] + data.train.mean[1] - shades[i] / 255.0) <= 1e-2);
  }
  for (const double mean : data.train.mean) REQUIRE(std::abs(mean - 130 / 255.0) <= 0.01);
  write(folder.path() / "train" / "dog" / "b.PNG", "no PNG");
  REQUIRE(refusal([&] { data.train.copy_sample(3, image); }).find("b.PNG' is neither a JPEG nor a PNG file") !=
          std::string::npos);
  std::filesystem::remove_all(folder.path() / "val" / "dog");
  REQUIRE(refusal([&] { open_image_folder(folder.path(), "f", kSmall); }).find("have other classes") != std::string::npos);
  std::filesystem::remove_all(folder.path() / "val");
  REQUIRE(refusal([&] { open_image_folder(folder.path(), "f", kSmall); }).find("no 'val' or 'test'") != std::string::npos);
}

TEST_CASE("a folder of classes: every fifth picture is for testing, by the seed") {
  const TemporaryFolder folder;
  for (int i = 0; i < 10; ++i) {
    write(folder.path() / "cat" / cat("c", i, ".png"), shade(10 * i));
    write(folder.path() / "dog" / cat("d", i, ".png"), shade(100 + 10 * i));
  }
  const auto shades_of = [&](std::uint64_t seed, bool train) {
    ImageFolderSettings settings = kSmall;
    settings.seed = seed;
    const TrainingData data = open_image_folder(folder.path(), "f", settings);
    const Dataset& split = train ? data.train : data.test;
    std::multiset<int> shades;
    Picture picture;
    for (std::int64_t i = 0; i < split.count(); ++i) {
      split.pictures(i, picture);
      shades.insert(picture.pixels.front());
    }
    return shades;
  };
  REQUIRE(shades_of(1, true).size() == 16);
  REQUIRE(shades_of(1, false).size() == 4);
  std::multiset<int> all = shades_of(1, true);
  all.merge(shades_of(1, false));
  REQUIRE(std::set<int>(all.begin(), all.end()).size() == 20);
  REQUIRE(shades_of(1, false) == shades_of(1, false));
  REQUIRE((shades_of(1, false) != shades_of(2, false) || shades_of(1, false) != shades_of(3, false)));
  std::filesystem::create_directories(folder.path() / "fish");
  REQUIRE(refusal([&] { open_image_folder(folder.path(), "f", kSmall); }).find("fish' has no .jpg, .jpeg or .png files") !=
          std::string::npos);
}
