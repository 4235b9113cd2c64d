/// Kernels with one mistake each, and what is right of the same kind, so that tests see the emulator find one and leave the other.
#pragma once

#include <string>
#include <vector>

namespace convoy::test {

/// Runs a planted kernel by name on a device array x of 64 floats, 0 to 63, and y of 64 that nothing has written. Returns y.
std::vector<float> run_planted(const std::string& name);
std::vector<std::string> planted_names();
/// Runs a kernel of planted_warpgroup.cpp by name. Returns the 64 x 64 product.
std::vector<float> run_planted_warpgroup(const std::string& name);

}  // namespace convoy::test
