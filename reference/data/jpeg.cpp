// JPEG files, by libjpeg (libjpeg-turbo).
#include <csetjmp>
#include <cstdio>  // jpeglib.h needs it before itself

#include <jpeglib.h>

#include <jerror.h>

#include <algorithm>
#include <array>

#include "reference/core/error.h"
#include "reference/data/decoders.h"

namespace convoy {
namespace {

/// libjpeg leaves by longjmp where it fails. No object with a destructor lives in the functions that it jumps out of.
struct Failure {
  jpeg_error_mgr manager;  // first, so that libjpeg's pointer to it is one to this
  std::jmp_buf back;
  std::array<char, JMSG_LENGTH_MAX> message;
};

[[noreturn]] void leave(j_common_ptr info) {
  auto* failure = reinterpret_cast<Failure*>(info->err);
  failure->manager.format_message(info, failure->message.data());
  std::longjmp(failure->back, 1);
}

/// Warnings are about files that can still be decoded, but for those about data that is missing.
void judge_message(j_common_ptr info, int level) {
  if (level < 0 && (info->err->msg_code == JWRN_JPEG_EOF || info->err->msg_code == JWRN_HIT_MARKER)) leave(info);
}

/// What is decoded, and into what.
struct Job {
  std::span<const std::byte> bytes;
  const std::string* name;
  int channels;
  int shorter_side;
  std::vector<std::uint8_t>* rows;
  int height = 0, width = 0, components = 0;
  bool too_large = false;
  std::int64_t claimed_height = 0, claimed_width = 0;
};

/// Reads the header and allocates rows; false when the picture is too large.
bool start(jpeg_decompress_struct& info, Job& job) {
  jpeg_mem_src(&info, reinterpret_cast<const unsigned char*>(job.bytes.data()), job.bytes.size());
  jpeg_read_header(&info, TRUE);
  job.claimed_height = info.image_height;
  job.claimed_width = info.image_width;
  if (job.claimed_height > kMostPixelsOfASide || job.claimed_width > kMostPixelsOfASide ||
      job.claimed_height * job.claimed_width > kMostPixels)
    return false;
  const bool four = info.jpeg_color_space == JCS_CMYK || info.jpeg_color_space == JCS_YCCK;
  info.out_color_space = four ? JCS_CMYK : job.channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
  const auto shorter = static_cast<int>(std::min(info.image_height, info.image_width));
  info.scale_num = 1;
  info.scale_denom = 1;
  while (info.scale_denom < 8 && shorter / static_cast<int>(2 * info.scale_denom) >= 2 * job.shorter_side) info.scale_denom *= 2;
  jpeg_start_decompress(&info);
  job.height = static_cast<int>(info.output_height);
  job.width = static_cast<int>(info.output_width);
  job.components = info.output_components;
  return true;
}

/// False with a message in `failure` when the file cannot be decoded.
bool decode(Job& job, Failure& failure) {
  jpeg_decompress_struct info;
  info.err = jpeg_std_error(&failure.manager);
  failure.manager.error_exit = leave;
  failure.manager.emit_message = judge_message;
  if (setjmp(failure.back) != 0) {
    jpeg_destroy_decompress(&info);
    return false;
  }
  jpeg_create_decompress(&info);
  if (!start(info, job)) {
    job.too_large = true;
    jpeg_destroy_decompress(&info);
    return false;
  }
  job.rows->resize(static_cast<std::size_t>(job.height) * static_cast<std::size_t>(job.width) *
                   static_cast<std::size_t>(job.components));
  while (info.output_scanline < info.output_height) {
    JSAMPROW row = job.rows->data() + static_cast<std::size_t>(info.output_scanline) * static_cast<std::size_t>(job.width) *
                                          static_cast<std::size_t>(job.components);
    jpeg_read_scanlines(&info, &row, 1);
  }
  jpeg_finish_decompress(&info);
  jpeg_destroy_decompress(&info);
  return true;
}

/// Adobe's programs, from which nearly all CMYK files are, store ink inverted: 255 is no ink.
void to_rgb_or_grey(std::vector<std::uint8_t>& rows, int channels) {
  std::size_t to = 0;
  for (std::size_t from = 0; from + 3 < rows.size(); from += 4) {
    const int black = rows[from + 3];
    std::array<int, 3> rgb{};
    for (std::size_t c = 0; c < 3; ++c) rgb.at(c) = rows[from + c] * black / 255;
    if (channels == 1) {
      rows[to++] = static_cast<std::uint8_t>((299 * rgb[0] + 587 * rgb[1] + 114 * rgb[2] + 500) / 1000);
    } else {
      for (const int value : rgb) rows[to++] = static_cast<std::uint8_t>(value);
    }
  }
  rows.resize(to);
}

}  // namespace

void parse_jpeg(std::span<const std::byte> bytes, const std::string& name, int channels, int shorter_side, Picture& picture) {
  std::vector<std::uint8_t> rows;
  Job job{.bytes = bytes, .name = &name, .channels = channels, .shorter_side = shorter_side, .rows = &rows};
  Failure failure;
  if (!decode(job, failure)) {
    if (job.too_large) require_picture_size(name, job.claimed_height, job.claimed_width);
    throw InputError(cat("'", name, "' cannot be decoded as JPEG: ", failure.message.data(), "; remove or replace it"));
  }
  if (job.components == 4) to_rgb_or_grey(rows, channels);
  separate_channels(rows, job.height, job.width, channels, picture);
}

}  // namespace convoy
