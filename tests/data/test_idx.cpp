#include <zlib.h>

#include <fstream>

#include "reference/core/error.h"
#include "reference/data/idx.h"
#include "tests/catch.h"
#include "tests/data/temporary_folder.h"

using namespace convoy;

namespace {

std::string big_endian(std::uint32_t value) {
  std::string text;
  for (const unsigned shift : {24U, 16U, 8U, 0U}) text += static_cast<char>((value >> shift) & 0xFFU);
  return text;
}

/// Images whose pixels differ at every index (modulo 251).
std::string image_file(std::uint32_t count, std::uint32_t rows, std::uint32_t columns, std::uint32_t magic = 0x803) {
  std::string text = big_endian(magic) + big_endian(count) + big_endian(rows) + big_endian(columns);
  for (std::uint32_t i = 0; i < count * rows * columns; ++i) text += static_cast<char>((i * 7 + 3) % 251);
  return text;
}

std::string label_file(const std::vector<int>& labels, std::uint32_t magic = 0x801) {
  std::string text = big_endian(magic) + big_endian(static_cast<std::uint32_t>(labels.size()));
  for (const int label : labels) text += static_cast<char>(label);
  return text;
}

void write_plain(const std::string& path, const std::string& bytes) { std::ofstream(path, std::ios::binary) << bytes; }

void write_gz(const std::string& path, const std::string& bytes) {
  gzFile file = gzopen(path.c_str(), "wb");
  REQUIRE(gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size())) == static_cast<int>(bytes.size()));
  REQUIRE(gzclose(file) == Z_OK);
}

std::string read_bytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Five training and three test images of 2x3, written as `write` does, with `ending` after each name.
template <class Write>
void write_folder(const TemporaryFolder& folder, const Write& write, const std::string& ending) {
  write(folder.file("train-images-idx3-ubyte" + ending), image_file(5, 2, 3));
  write(folder.file("train-labels-idx1-ubyte" + ending), label_file({3, 0, 9, 1, 2}));
  write(folder.file("t10k-images-idx3-ubyte" + ending), image_file(3, 2, 3));
  write(folder.file("t10k-labels-idx1-ubyte" + ending), label_file({7, 8, 9}));
}

/// The message of the InputError that reading the folder throws.
std::string complaint(const TemporaryFolder& folder) {
  try {
    read_idx_folder(folder.path(), "tiny", 10);
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("an IDX folder is read alike plain and compressed") {
  const TemporaryFolder plain, compressed;
  write_folder(plain, write_plain, "");
  write_folder(compressed, write_gz, ".gz");
  for (const TemporaryFolder* folder : {&plain, &compressed}) {
    const TrainingData data = read_idx_folder(folder->path(), "tiny", 10);
    REQUIRE(data.train.count() == 5);
    REQUIRE(data.test.count() == 3);
    REQUIRE(data.train.image == Shape{1, 1, 2, 3});
    REQUIRE(data.train.labels == std::vector<int>{3, 0, 9, 1, 2});
    REQUIRE(data.test.labels == std::vector<int>{7, 8, 9});
    for (std::size_t i = 0; i < 30; ++i) REQUIRE(data.train.pixels[i] == (i * 7 + 3) % 251);
    REQUIRE(data.train.name == "tiny train");
  }
}

TEST_CASE("samples are normalised by the mean and deviation of the training split") {
  const TemporaryFolder folder;
  write_folder(folder, write_plain, "");
  const TrainingData data = read_idx_folder(folder.path(), "tiny", 10);
  double sum = 0, squares = 0;
  std::vector<double> sample(6);
  std::vector<float> single(6);
  for (std::int64_t i = 0; i < 5; ++i) {
    data.train.copy_sample(i, sample.data());
    data.train.copy_sample(i, single.data());
    for (std::size_t k = 0; k < 6; ++k) {
      sum += sample[k];
      squares += sample[k] * sample[k];
      REQUIRE(std::abs(sample[k] - static_cast<double>(single[k])) <= 1e-6);
    }
  }
  REQUIRE(std::abs(sum / 30) <= 1e-12);
  REQUIRE(std::abs(squares / 30 - 1) <= 1e-12);
  REQUIRE(data.test.mean == data.train.mean);
  REQUIRE(data.test.deviation == data.train.deviation);
  REQUIRE_THROWS_AS(data.train.copy_sample(5, sample.data()), std::invalid_argument);
}

TEST_CASE("a damaged IDX file is refused with file, byte and expectation") {
  const TemporaryFolder folder;
  write_folder(folder, write_plain, "");
  REQUIRE(complaint(folder) == "no error");
  const std::string images = folder.file("train-images-idx3-ubyte"), labels = folder.file("train-labels-idx1-ubyte");
  std::string message;
  SECTION("truncated images") {
    write_plain(images, image_file(5, 2, 3).substr(0, 40));
    message = complaint(folder);
    CAPTURE(message);
    REQUIRE(contains(message, images + ", byte 40: the file ends here, expected 6 more bytes of pixels"));
  }
  SECTION("truncated header") {
    write_plain(images, image_file(5, 2, 3).substr(0, 10));
    message = complaint(folder);
    CAPTURE(message);
    REQUIRE(contains(message, images + ", byte 10: the file ends here, expected 2 more bytes of the number of rows"));
  }
  SECTION("an empty file") {
    write_plain(images, "");
    message = complaint(folder);
    CAPTURE(message);
    REQUIRE(contains(message, images + ", byte 0: the file ends here"));
  }
  SECTION("wrong magic number") {
    write_plain(images, image_file(5, 2, 3, 0x801));
    message = complaint(folder);
    CAPTURE(message);
    REQUIRE(contains(message, images + ", byte 0: magic number 2049, expected 2051"));
  }
  SECTION("label out of range") {
    write_plain(labels, label_file({3, 0, 10, 1, 2}));
    message = complaint(folder);
    CAPTURE(message);
    REQUIRE(contains(message, labels + ", byte 10: label 10, expected 0 to 9"));
  }
  SECTION("counts that disagree") {
    write_plain(labels, label_file({3, 0, 1, 2}));
    message = complaint(folder);
    CAPTURE(message);
    REQUIRE(contains(message, labels + ", byte 4: there are 4 labels, expected 5"));
  }
  SECTION("more bytes than promised") {
    write_plain(images, image_file(5, 2, 3) + "x");
    message = complaint(folder);
    CAPTURE(message);
    REQUIRE(contains(message, images + ", byte 46: expected the end of the file"));
  }
  SECTION("no images") {
    write_plain(images, image_file(0, 2, 3));
    write_plain(labels, label_file({}));
    message = complaint(folder);
    CAPTURE(message);
    REQUIRE(contains(message, images + ", byte 4: the number of items is 0"));
  }
  SECTION("a count that would fill the memory") {
    write_plain(images, big_endian(0x803) + big_endian(1U << 30U) + big_endian(1U << 16U) + big_endian(1U << 16U));
    write_plain(labels, big_endian(0x801) + big_endian(1U << 30U));
    message = complaint(folder);
    CAPTURE(message);
    REQUIRE(contains(message, images + ", byte 16: the file ends here"));
  }
  SECTION("images of two sizes") {
    write_plain(folder.file("t10k-images-idx3-ubyte"), image_file(3, 3, 3));
    message = complaint(folder);
    CAPTURE(message);
    REQUIRE(contains(message, "training images are 1x1x2x3, test images 1x1x3x3"));
  }
}

TEST_CASE("a damaged gzip file is refused with file and byte") {
  const TemporaryFolder folder;
  write_folder(folder, write_gz, ".gz");
  REQUIRE(complaint(folder) == "no error");
  const std::string images = folder.file("train-images-idx3-ubyte.gz");
  std::string bytes = read_bytes(images);
  SECTION("cut short") { bytes.resize(bytes.size() - 12); }
  SECTION("without its check sum") { bytes.resize(bytes.size() - 8); }
  SECTION("a wrong check sum") { bytes[bytes.size() - 6] = static_cast<char>(bytes[bytes.size() - 6] ^ 0x55); }
  write_plain(images, bytes);
  const std::string message = complaint(folder);
  CAPTURE(message);
  REQUIRE(contains(message, images + ", byte "));
  REQUIRE(contains(message, "damaged gzip file"));
}

TEST_CASE("a folder without the files is refused by name") {
  const TemporaryFolder folder;
  REQUIRE(contains(complaint(folder),
                   "no 'train-images-idx3-ubyte' or 'train-images-idx3-ubyte.gz' in folder '" + folder.path().string()));
  write_folder(folder, write_plain, "");
  std::filesystem::remove(folder.file("t10k-labels-idx1-ubyte"));
  REQUIRE(contains(complaint(folder), "no 't10k-labels-idx1-ubyte'"));
  REQUIRE_THROWS_AS(read_idx_folder(folder.path() / "nowhere", "tiny", 10), InputError);
}

TEST_CASE("a gzip file that was cut off is refused at the byte where it ends") {
  const TemporaryFolder folder;
  write_folder(folder, write_gz, ".gz");
  const std::string images = folder.file("train-images-idx3-ubyte.gz");
  std::string bytes = read_bytes(images);
  bytes.resize(bytes.size() - 8);  // all 46 bytes are there, but not the check sum that follows them
  write_plain(images, bytes);
  const std::string message = complaint(folder);
  CAPTURE(message);
  REQUIRE(contains(message, images + ", byte 46: damaged gzip file (it ends too early)"));
}

TEST_CASE("a file that cannot be opened is refused with the reason") {
  const TemporaryFolder folder;
  try {
    read_idx_pair(folder.file("nowhere"), folder.file("nowhere either"), "x", 10);
    FAIL("nothing was thrown");
  } catch (const InputError& error) {
    REQUIRE(error.what() == "cannot open '" + folder.file("nowhere") + "': No such file or directory");
  }
  std::filesystem::create_symlink("train-images-idx3-ubyte", folder.path() / "train-images-idx3-ubyte");  // to itself
  REQUIRE(contains(complaint(folder), "cannot open '" + folder.file("train-images-idx3-ubyte") + "': "));
}
