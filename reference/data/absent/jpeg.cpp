// In place of jpeg.cpp, where libjpeg is not found.
#include "reference/core/error.h"
#include "reference/data/decoders.h"

namespace convoy {

void parse_jpeg(std::span<const std::byte>, const std::string& name, int, int, Picture&) {
  throw InputError(cat(name, ": this convoy-train was built without libjpeg, so it reads no JPEG files"));
}

}  // namespace convoy
