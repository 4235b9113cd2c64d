#include <cstdlib>
#include <fstream>

#include "reference/core/error.h"
#include "reference/data/open.h"
#include "tests/catch.h"
#include "tests/data/temporary_folder.h"

using namespace convoy;

namespace {

/// Sets environment variables for a test and puts the old values back.
class Environment {
 public:
  Environment(const std::string& own, const std::string& shared) { set("CONVOY_DATA_DIR", own), set("XDG_DATA_DIRS", shared); }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;
  ~Environment() { unsetenv("CONVOY_DATA_DIR"), unsetenv("XDG_DATA_DIRS"); }

 private:
  static void set(const char* name, const std::string& value) { setenv(name, value.c_str(), 1); }
};

std::string complaint(const DataRequest& request) {
  try {
    open_data(request);
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("Fashion-MNIST is looked for in CONVOY_DATA_DIR first and then in the shared folders") {
  const TemporaryFolder own, shared;
  const auto put = [](const std::filesystem::path& folder) {
    std::filesystem::create_directories(folder);
    std::ofstream(folder / "train-images-idx3-ubyte.gz") << "x";
  };
  const Environment environment(own.path().string(), "/nowhere:" + shared.path().string());
  REQUIRE_FALSE(find_fashion_mnist().has_value());
  put(shared.path() / "datasets" / "fashion-mnist");
  REQUIRE(find_fashion_mnist() == shared.path() / "datasets" / "fashion-mnist");
  put(own.path());
  REQUIRE(find_fashion_mnist() == own.path());
  put(own.path() / "fashion-mnist");
  REQUIRE(find_fashion_mnist() == own.path() / "fashion-mnist");
}

TEST_CASE("missing Fashion-MNIST is explained with what to install and what to use instead") {
  const TemporaryFolder empty;
  const Environment environment(empty.path().string(), empty.path().string());
  const std::string message = complaint({.source = "fashion-mnist"});
  CAPTURE(message);
  REQUIRE(contains(message, "dataset-fashion-mnist"));
  REQUIRE(contains(message, "--data synthetic"));
  REQUIRE(contains(message, empty.path().string()));
}

TEST_CASE("synthetic data takes the model's shape") {
  const TrainingData data = open_data(
      {.source = "synthetic", .image = {1, 3, 224, 224}, .classes = 1000, .model = "vgg16", .synthetic_count = 8, .seed = 2});
  REQUIRE(data.train.image == Shape{1, 3, 224, 224});
  REQUIRE(data.train.count() == 8);
  REQUIRE(data.test.count() == 2);
}

TEST_CASE("a misspelt source is answered with the nearest") {
  REQUIRE(contains(complaint({.source = "fashion-mnst"}), "did you mean 'fashion-mnist'?"));
  REQUIRE(contains(complaint({.source = "nothing/like/it"}), "is not a folder"));
}

TEST_CASE("data of another size or with more classes than the model is refused") {
  const TrainingData data = open_data({.source = "synthetic", .image = {1, 1, 8, 8}, .classes = 10, .synthetic_count = 10});
  REQUIRE_THROWS_AS(require_fits(data.train, "m", {1, 1, 8, 9}, 10), InputError);
  REQUIRE_THROWS_AS(require_fits(data.train, "m", {1, 3, 8, 8}, 10), InputError);
  REQUIRE_THROWS_AS(require_fits(data.train, "m", {1, 1, 8, 8}, 9), InputError);
  require_fits(data.train, "m", {1, 1, 8, 8}, 10);
}
