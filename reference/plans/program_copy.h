/// ProgramCopy: buffers of a program taken over into another one that is made of it, as far as they are used.
#pragma once

#include <map>

#include "reference/plans/program_writer.h"

namespace convoy {

class ProgramCopy {
 public:
  /// Both must outlive this.
  ProgramCopy(const Program& from, ProgramWriter& writer) : from_(from), writer_(writer) {}
  /// The number that a buffer of the first program has in the second.
  int buffer(int old) {
    std::vector<Buffer>& made = writer_.program().buffers;
    const auto [found, fresh] = number_.try_emplace(old, static_cast<int>(made.size()));
    if (fresh) made.push_back(from_.buffers.at(static_cast<std::size_t>(old)));
    return found->second;
  }
  Region region(const Region& old) { return {buffer(old.buffer), old.slice}; }

 private:
  const Program& from_;
  ProgramWriter& writer_;
  std::map<int, int> number_;
};

/// The number of the buffer with this name; -1 when there is none.
inline int buffer_named(const Program& program, const std::string& name) {
  for (std::size_t b = 0; b < program.buffers.size(); ++b)
    if (program.buffers[b].name == name) return static_cast<int>(b);
  return -1;
}

}  // namespace convoy
