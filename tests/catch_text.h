/// What a message contains, for REQUIRE_THROWS_WITH of Catch2 2.13 and 3, which name it differently.
#pragma once

#include <string>

#include "tests/catch.h"

namespace convoy {

inline auto containing(const std::string& text) {
#if __has_include(<catch2/catch_all.hpp>)
  return Catch::Matchers::ContainsSubstring(text);
#else
  return Catch::Matchers::Contains(text);
#endif
}

}  // namespace convoy
