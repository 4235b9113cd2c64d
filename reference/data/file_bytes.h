/// Whole files as bytes, for the readers of this folder.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace convoy {

/// The contents of a file. An InputError names the path and the reason. `into` keeps its memory.
void read_bytes(const std::string& path, std::vector<std::byte>& into);
std::vector<std::byte> read_bytes(const std::string& path);

}  // namespace convoy
