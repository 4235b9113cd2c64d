#include "reference/io/model_options.h"

#include <array>
#include <charconv>

#include "reference/core/error.h"

namespace convoy {

Shape parse_image(std::string_view text) {
  std::array<int, 3> extents{};
  const char* at = text.data();
  const char* const end = text.data() + text.size();
  for (std::size_t i = 0; i < extents.size(); ++i) {
    const auto [after, error] = std::from_chars(at, end, extents.at(i));
    const bool last = i + 1 == extents.size();
    if (error != std::errc{} || extents.at(i) < 1 || (last ? after != end : after == end || *after != 'x'))
      throw InputError(cat("'", text, "' is no size of an image; write channels, rows and columns, for example 3x224x224"));
    at = last ? after : after + 1;
  }
  return {1, extents[0], extents[1], extents[2]};
}

ModelOptions model_options(int classes, std::string_view image) {
  if (classes < 0) throw InputError(cat("there are ", classes, " classes; write 1 or more"));
  ModelOptions options{.classes = classes};
  if (!image.empty()) options.image = parse_image(image);
  return options;
}

}  // namespace convoy
