/// JPEG and PNG files made for tests.
#pragma once

#include <cstdio>  // jpeglib.h needs it before itself

#include <jpeglib.h>
#include <png.h>

#include <cstdlib>
#include <string>
#include <vector>

namespace convoy {

/// A file of `components` interleaved bytes a pixel: 1 grey, 3 RGB, 4 CMYK as Adobe's programs store it.
inline std::string jpeg_file(const std::vector<unsigned char>& rows, unsigned height, unsigned width, int components) {
  jpeg_compress_struct info;
  jpeg_error_mgr errors;
  info.err = jpeg_std_error(&errors);
  jpeg_create_compress(&info);
  unsigned char* out = nullptr;
  unsigned long bytes = 0;
  jpeg_mem_dest(&info, &out, &bytes);
  info.image_height = height;
  info.image_width = width;
  info.input_components = components;
  info.in_color_space = components == 1 ? JCS_GRAYSCALE : components == 3 ? JCS_RGB : JCS_CMYK;
  jpeg_set_defaults(&info);
  jpeg_set_quality(&info, 100, TRUE);
  jpeg_start_compress(&info, TRUE);
  while (info.next_scanline < height) {
    auto* row = const_cast<unsigned char*>(rows.data() + info.next_scanline * width * static_cast<unsigned>(components));
    jpeg_write_scanlines(&info, &row, 1);
  }
  jpeg_finish_compress(&info);
  jpeg_destroy_compress(&info);
  std::string file(reinterpret_cast<char*>(out), bytes);
  std::free(out);
  return file;
}

/// A file in PNG_FORMAT_GRAY, _RGB or _RGBA.
inline std::string png_file(const std::vector<unsigned char>& rows, unsigned height, unsigned width, unsigned format) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.height = height;
  image.width = width;
  image.format = format;
  png_alloc_size_t bytes = 0;
  png_image_write_to_memory(&image, nullptr, &bytes, 0, rows.data(), 0, nullptr);
  std::string file(bytes, '\0');
  png_image_write_to_memory(&image, file.data(), &bytes, 0, rows.data(), 0, nullptr);
  file.resize(bytes);
  return file;
}

}  // namespace convoy
