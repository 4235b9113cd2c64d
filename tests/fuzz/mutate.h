/// Mutation: broken versions of good files, the same ones for the same seed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace convoy::fuzz {

/// One of the good files with one to eight random changes: bits, bytes, numbers, cuts, copies, and pieces of the other files.
/// The same arguments give the same bytes.
std::string mutated(const std::vector<std::string>& good, std::uint64_t seed, std::uint64_t iteration);

}  // namespace convoy::fuzz
