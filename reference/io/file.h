/// Whole files, read and written.
#pragma once

#include <string>

namespace convoy {

/// The contents of a file. An InputError names the path and the reason.
std::string read_file(const std::string& path);

/// Writes a file so that at every moment either the old or the whole new one is there: a temporary file in the same folder,
/// flushed to the disk, then renamed, and the folder flushed too. Links are followed, so that the file they name is replaced and not the link. What is no
/// regular file (a pipe, a device), or is the standard output of this program, stays what it is and is written as it comes.
/// An InputError names the path and the reason; the old file is then untouched.
void write_file_atomically(const std::string& path, const std::string& text);

/// Throws the InputError of write_file_atomically now rather than after hours of work: when the folder of `path` is missing or
/// cannot be written, or `path` is a folder. Pipes and devices are not opened, only asked whether they may be written. "" and "-"
/// are always accepted.
void require_writable(const std::string& path);

/// Removes the temporary files that programs killed in the middle of write_file_atomically(path) have left.
void remove_unfinished(const std::string& path);

}  // namespace convoy
