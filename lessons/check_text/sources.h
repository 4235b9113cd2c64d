/// Reading what a text quotes: marked blocks of a program, and the values that it wrote.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace convoy {

using Lines = std::vector<std::string>;

/// Throws InputError when the file cannot be read.
Lines read_lines(const std::string& path);

/// Takes away the white space that all lines begin with.
Lines without_indentation(Lines lines);

/// What stands between opening and closing markers, without lines that are markers: "// [" in code, "[" in what a program wrote.
/// Blocks may nest. Throws InputError when one is opened twice, or not closed.
std::map<std::string, Lines> blocks_of(const std::string& path, const Lines& lines, const std::string& opening);

/// What the program of a lesson wrote with --values: lines "name value", and blocks.
struct Written {
  std::map<std::string, std::string> values;
  std::map<std::string, Lines> blocks;
};
/// Throws InputError for a line that is neither, and for a second value of one name.
Written read_written(const std::string& path);

/// White space at both ends taken away.
std::string trimmed(std::string_view text);

}  // namespace convoy
