/// Pictures: decoded from files of every kind that cameras and programs write, resized, and refused when they are damaged.
#include <cmath>
#include <span>

#include "reference/core/error.h"
#include "reference/data/picture.h"
#include "tests/catch.h"
#include "tests/data/picture_files.h"

using namespace convoy;

namespace {

Picture decoded(const std::string& file, int channels, int shorter_side = 1000) {
  Picture picture;
  parse_picture(std::as_bytes(std::span(file.data(), file.size())), "a.file", channels, shorter_side, picture);
  return picture;
}

std::string refusal(const std::string& file) {
  try {
    decoded(file, 3);
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

/// Another colour at every pixel: 6 rows of 9.
std::vector<unsigned char> colours() {
  std::vector<unsigned char> rows;
  for (int h = 0; h < 6; ++h)
    for (int w = 0; w < 9; ++w)
      for (const int value : {20 * h, 25 * w, 255 - 10 * h - 15 * w}) rows.push_back(static_cast<unsigned char>(value));
  return rows;
}

/// A smooth picture of one channel, so that JPEG changes little.
std::vector<unsigned char> ramp(int height, int width) {
  std::vector<unsigned char> rows;
  for (int h = 0; h < height; ++h)
    for (int w = 0; w < width; ++w) rows.push_back(static_cast<unsigned char>(100 + 2 * h + w));
  return rows;
}

}  // namespace

TEST_CASE("a PNG file comes back bit by bit, in the order of channels, rows, columns") {
  const std::vector<unsigned char> rows = colours();
  const Picture picture = decoded(png_file(rows, 6, 9, PNG_FORMAT_RGB), 3);
  REQUIRE(picture.shape == Shape{1, 3, 6, 9});
  for (std::size_t c = 0; c < 3; ++c)
    for (std::size_t i = 0; i < 54; ++i) REQUIRE(picture.pixels[c * 54 + i] == rows[3 * i + c]);
  REQUIRE(decoded(png_file(ramp(4, 5), 4, 5, PNG_FORMAT_GRAY), 1).pixels == ramp(4, 5));
}

TEST_CASE("grey becomes colour, colour grey, and what is transparent lies on white") {
  const Picture grey = decoded(png_file(ramp(4, 5), 4, 5, PNG_FORMAT_GRAY), 3);
  REQUIRE(grey.shape == Shape{1, 3, 4, 5});
  for (std::size_t i = 0; i < 60; ++i) REQUIRE(grey.pixels[i] == ramp(4, 5)[i % 20]);
  const Picture single = decoded(png_file(std::vector<unsigned char>{0, 255, 0}, 1, 1, PNG_FORMAT_RGB), 1);
  REQUIRE(single.shape == Shape{1, 1, 1, 1});
  REQUIRE(single.pixels[0] > 150);  // green is bright
  const Picture clear = decoded(png_file({10, 20, 30, 0, 10, 20, 30, 255}, 1, 2, PNG_FORMAT_RGBA), 3);
  REQUIRE(clear.pixels == std::vector<std::uint8_t>{255, 10, 255, 20, 255, 30});
}

TEST_CASE("JPEG files in grey, colour and CMYK") {
  const Picture grey = decoded(jpeg_file(ramp(16, 24), 16, 24, 1), 1);
  REQUIRE(grey.shape == Shape{1, 1, 16, 24});
  for (std::size_t i = 0; i < grey.pixels.size(); ++i) REQUIRE(std::abs(grey.pixels[i] - ramp(16, 24)[i]) <= 3);
  std::vector<unsigned char> rgb, cmyk;
  for (int i = 0; i < 256; ++i) {
    for (const int v : {200, 100, 50}) rgb.push_back(static_cast<unsigned char>(v));
    for (const int v : {250, 125, 60, 204}) cmyk.push_back(static_cast<unsigned char>(v));  // times 0.8: the same colour, about
  }
  for (const std::string& file : {jpeg_file(rgb, 16, 16, 3), jpeg_file(cmyk, 16, 16, 4)}) {
    const Picture picture = decoded(file, 3);
    REQUIRE(picture.shape == Shape{1, 3, 16, 16});
    for (std::size_t i = 0; i < 256; ++i) {
      REQUIRE(std::abs(picture.pixels[i] - 200) <= 4);
      REQUIRE(std::abs(picture.pixels[256 + i] - 100) <= 4);
      REQUIRE(std::abs(picture.pixels[512 + i] - 49) <= 4);
    }
  }
  REQUIRE(decoded(jpeg_file(ramp(64, 64), 64, 64, 1), 3, 8).shape == Shape{1, 3, 16, 16});  // a quarter is enough
}

TEST_CASE("damaged files and others are refused with their name") {
  const std::string jpeg = jpeg_file(ramp(40, 40), 40, 40, 1), png = png_file(colours(), 6, 9, PNG_FORMAT_RGB);
  for (const std::string& whole : {jpeg, png}) {
    REQUIRE(refusal(whole).empty());
    for (const std::size_t length : {std::size_t{10}, whole.size() / 3, whole.size() / 2, whole.size() - 20}) {
      CAPTURE(whole.size(), length);
      REQUIRE(refusal(whole.substr(0, length)).find("'a.file' cannot be decoded as ") == 0);
    }
  }
  REQUIRE(refusal("GIF89a").find("'a.file' is neither a JPEG nor a PNG file (6 bytes)") == 0);
  REQUIRE(refusal("").find("neither") != std::string::npos);
  std::string bomb = png;  // a header that claims 2^20 rows; libpng checks its checksum or we the size
  bomb[17] = 0x10;
  REQUIRE_FALSE(refusal(bomb).empty());
}

TEST_CASE("resizing keeps constants and ramps, and the middle of the picture") {
  Picture flat{.shape = {1, 3, 20, 30}, .pixels = std::vector<std::uint8_t>(1800, 77)};
  resize_shorter_side(flat, 8);
  REQUIRE(flat.shape == Shape{1, 3, 8, 12});
  for (const std::uint8_t pixel : flat.pixels) REQUIRE(pixel == 77);
  Picture picture{.shape = {1, 1, 40, 60}, .pixels = ramp(40, 60)};
  resize_shorter_side(picture, 20);  // by a half
  REQUIRE(picture.shape == Shape{1, 1, 20, 30});
  for (int h = 2; h < 18; ++h)  // away from the edges: 100 + 2 (2h + 0.5) + (2w + 0.5)
    for (int w = 2; w < 28; ++w)
      REQUIRE(std::abs(picture.pixels[static_cast<std::size_t>(30 * h + w)] - (100 + 4 * h + 1 + 2 * w + 0.5)) <= 1);
  resize_shorter_side(picture, 33);
  REQUIRE(picture.shape == Shape{1, 1, 33, 50});
}
