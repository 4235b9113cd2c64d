/// Whole files, read and written.
#pragma once

#include <string>

namespace convoy {

/// The contents of a file. An InputError names the path and the reason.
std::string read_file(const std::string& path);

/// Writes a file so that at every moment either the old or the whole new one is there: a temporary file in the same folder,
/// flushed to the disk, then renamed. An InputError names the path and the reason; the old file is then untouched.
void write_file_atomically(const std::string& path, const std::string& text);

/// Throws the InputError of write_file_atomically now rather than after hours of work: when the folder of `path` is missing or
/// cannot be written, or `path` is a folder. "" and "-" are always accepted.
void require_writable(const std::string& path);

}  // namespace convoy
