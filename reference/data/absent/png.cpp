// In place of png.cpp, where libpng is not found.
#include "reference/core/error.h"
#include "reference/data/decoders.h"

namespace convoy {

void parse_png(std::span<const std::byte>, const std::string& name, int, Picture&) {
  throw InputError(cat(name, ": this convoy-train was built without libpng, so it reads no PNG files"));
}

}  // namespace convoy
