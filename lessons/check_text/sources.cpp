#include "lessons/check_text/sources.h"

#include <algorithm>
#include <fstream>

#include "reference/core/error.h"

namespace convoy {
namespace {

bool is_name(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

/// The name in "[name]" or "[/name]" after `prefix`, else "".
std::string name_in_brackets(const std::string& line, const std::string& prefix) {
  const std::string text = trimmed(line);
  if (!text.starts_with(prefix) || !text.ends_with("]")) return "";
  const std::string name = text.substr(prefix.size(), text.size() - prefix.size() - 1);
  return is_name(name) ? name : "";
}

}  // namespace

Lines read_lines(const std::string& path) {
  std::ifstream in(path);
  if (!in) throw InputError(cat("cannot read '", path, "'"));
  Lines lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

std::string trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return "";
  return std::string(text.substr(first, text.find_last_not_of(" \t\r") - first + 1));
}

Lines without_indentation(Lines lines) {
  std::size_t indentation = std::string::npos;
  for (const std::string& line : lines)
    if (!trimmed(line).empty()) indentation = std::min(indentation, line.find_first_not_of(' '));
  for (std::string& line : lines) line = trimmed(line).empty() ? "" : line.substr(indentation);
  return lines;
}

std::map<std::string, Lines> blocks_of(const std::string& path, const Lines& lines, const std::string& opening) {
  std::map<std::string, Lines> blocks;
  std::map<std::string, std::size_t> open;  // name -> line
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (const std::string name = name_in_brackets(lines[i], opening); !name.empty()) {
      if (blocks.contains(name)) throw InputError(cat(path, ":", i + 1, ": a second [", name, "]"));
      blocks[name] = {};
      open[name] = i + 1;
    } else if (const std::string closed = name_in_brackets(lines[i], opening + "/"); !closed.empty()) {
      if (open.erase(closed) == 0) throw InputError(cat(path, ":", i + 1, ": [/", closed, "] without [", closed, "] above it"));
    } else {
      for (const auto& [inside, line] : open) blocks[inside].push_back(lines[i]);
    }
  }
  if (!open.empty()) throw InputError(cat(path, ":", open.begin()->second, ": [", open.begin()->first, "] is never closed"));
  return blocks;
}

Written read_written(const std::string& path) {
  const Lines lines = read_lines(path);
  Written written;
  written.blocks = blocks_of(path, lines, "[");
  std::string inside;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (!inside.empty()) {
      if (name_in_brackets(lines[i], "[/") == inside) inside.clear();
      continue;
    }
    inside = name_in_brackets(lines[i], "[");
    if (!inside.empty()) continue;
    const std::size_t space = lines[i].find(' ');
    if (space == std::string::npos || !is_name(lines[i].substr(0, space)) || trimmed(lines[i].substr(space)).empty())
      throw InputError(cat(path, ":", i + 1, ": expected 'name value', found '", lines[i], "'"));
    if (!written.values.try_emplace(lines[i].substr(0, space), trimmed(lines[i].substr(space))).second)
      throw InputError(cat(path, ":", i + 1, ": a second value '", lines[i].substr(0, space), "'"));
  }
  return written;
}

}  // namespace convoy
