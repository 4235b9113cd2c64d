// PNG files, by libpng.
#include <png.h>

#include "reference/core/error.h"
#include "reference/data/decoders.h"

namespace convoy {

void parse_png(std::span<const std::byte> bytes, const std::string& name, int channels, Picture& picture) {
  struct Image : png_image {
    Image() : png_image() { version = PNG_IMAGE_VERSION; }
    Image(const Image&) = delete;
    Image& operator=(const Image&) = delete;
    ~Image() { png_image_free(this); }
  } image;
  const auto refuse = [&] {
    throw InputError(cat("'", name, "' cannot be decoded as PNG: ", image.message, "; remove or replace it"));
  };
  if (png_image_begin_read_from_memory(&image, bytes.data(), bytes.size()) == 0) refuse();
  require_picture_size(name, image.height, image.width);
  image.format = channels == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB;
  std::vector<std::uint8_t> rows(PNG_IMAGE_SIZE(image));
  const png_color white = {255, 255, 255};
  if (png_image_finish_read(&image, &white, rows.data(), 0, nullptr) == 0 || PNG_IMAGE_FAILED(image)) refuse();
  separate_channels(rows, static_cast<int>(image.height), static_cast<int>(image.width), channels, picture);
}

}  // namespace convoy
