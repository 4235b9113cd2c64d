/// The program as the linker made it: what lies where, names of __shared__ variables, source lines.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace convoy::cuda::emulator {

/// A variable inside a function, which is what __shared__ ones are here.
struct Variable {
  std::uintptr_t begin = 0, end = 0;
  std::string name;
};

/// What the parts of the program are for a kernel.
enum class Part { constants, variables, elsewhere };

/// Reads the symbols of the running program once. In a stripped one no variable has a name, and all count as one.
class Image {
 public:
  Image();
  /// Constants are read-only memory of the program or its libraries, variables what it may write.
  [[nodiscard]] Part part_of(std::uintptr_t address) const;
  /// The variable at an address, as an index into variables(); -1 when there is none.
  [[nodiscard]] int variable_at(std::uintptr_t address) const;
  [[nodiscard]] const std::vector<Variable>& variables() const { return variables_; }

 private:
  struct Segment {
    std::uintptr_t begin, end;
    bool writable;
  };
  void read_symbols();
  std::vector<Segment> segments_;
  std::vector<Variable> variables_;  ///< in order of address
  std::uintptr_t base_ = 0;          ///< where the program was loaded
};

/// "folder/file.cuh:31" for the calls before these return addresses, from debug information by addr2line (package binutils); the
/// address itself where there is none. One start of addr2line for all.
std::map<const void*, std::string> places_of(const std::vector<const void*>& return_addresses);

}  // namespace convoy::cuda::emulator
