#pragma once

namespace convoy {

/// The SimGrid that this program was built with, from CMakeLists.txt: "3.32".
inline constexpr const char* kSimGridVersion = CONVOY_SIMGRID_VERSION;

}  // namespace convoy
