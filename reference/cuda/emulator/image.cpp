#include "reference/cuda/emulator/image.h"

#include <cxxabi.h>
#include <elf.h>
#include <link.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>
#include <sstream>

#include "reference/core/error.h"

namespace convoy::cuda::emulator {
namespace {

constexpr const char* kSelf = "/proc/self/exe";

/// "tile" of "_ZZN3foo3barEvE4tile", which demangles to "foo::bar()::tile".
std::string last_name(const char* mangled) {
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> text(abi::__cxa_demangle(mangled, nullptr, nullptr, &status), &std::free);
  if (status != 0 || text == nullptr) return mangled;
  const std::string name = text.get();
  const std::size_t at = name.rfind("::");
  return at == std::string::npos ? name : name.substr(at + 2);
}

/// The last two parts of a path: enough to find a file, and the same on every machine.
std::string short_path(const std::string& place) {
  std::size_t cut = place.rfind('/');
  if (cut == std::string::npos || cut == 0) return place;
  cut = place.rfind('/', cut - 1);
  return cut == std::string::npos ? place : place.substr(cut + 1);
}

template <class T>
T read_at(const std::string& bytes, std::uint64_t at) {
  T value{};
  if (at + sizeof(T) <= bytes.size()) std::memcpy(&value, bytes.data() + at, sizeof(T));
  return value;
}

}  // namespace

Image::Image() {
  struct Found {
    std::vector<Segment>* segments;
    std::uintptr_t base = 0;
    bool first = true;
  } found{&segments_};
  dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* into) {
        auto& to = *static_cast<Found*>(into);
        if (to.first) to.base = info->dlpi_addr;  // the program comes before its libraries
        to.first = false;
        for (int i = 0; i < info->dlpi_phnum; ++i) {
          const auto& header = info->dlpi_phdr[i];
          if (header.p_type != PT_LOAD) continue;
          const std::uintptr_t begin = info->dlpi_addr + header.p_vaddr;
          to.segments->push_back({begin, begin + header.p_memsz, (header.p_flags & PF_W) != 0});
        }
        return 0;
      },
      &found);
  base_ = found.base;
  std::sort(segments_.begin(), segments_.end(), [](const Segment& a, const Segment& b) { return a.begin < b.begin; });
  read_symbols();
}

void Image::read_symbols() {
  std::ifstream file(kSelf, std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const auto head = read_at<ElfW(Ehdr)>(bytes, 0);
  for (unsigned i = 0; i < head.e_shnum; ++i) {
    const auto section = read_at<ElfW(Shdr)>(bytes, head.e_shoff + std::uint64_t{i} * head.e_shentsize);
    if (section.sh_type != SHT_SYMTAB) continue;
    const auto names = read_at<ElfW(Shdr)>(bytes, head.e_shoff + std::uint64_t{section.sh_link} * head.e_shentsize);
    for (std::uint64_t at = 0; at + sizeof(ElfW(Sym)) <= section.sh_size; at += sizeof(ElfW(Sym))) {
      const auto symbol = read_at<ElfW(Sym)>(bytes, section.sh_offset + at);
      const std::uint64_t name = names.sh_offset + symbol.st_name;
      const std::uintptr_t begin = base_ + symbol.st_value;
      const bool inside_a_function = name + 3 < bytes.size() && bytes.compare(name, 3, "_ZZ") == 0;
      if (ELF64_ST_TYPE(symbol.st_info) != STT_OBJECT || symbol.st_size == 0 || !inside_a_function) continue;
      if (part_of(begin) != Part::variables) continue;
      variables_.push_back({begin, begin + symbol.st_size, last_name(bytes.data() + name)});
    }
  }
  std::sort(variables_.begin(), variables_.end(), [](const Variable& a, const Variable& b) { return a.begin < b.begin; });
}

Part Image::part_of(std::uintptr_t address) const {
  auto after = std::upper_bound(segments_.begin(), segments_.end(), address,
                                [](std::uintptr_t value, const Segment& segment) { return value < segment.begin; });
  if (after == segments_.begin() || address >= (--after)->end) return Part::elsewhere;
  return after->writable ? Part::variables : Part::constants;
}

int Image::variable_at(std::uintptr_t address) const {
  auto after = std::upper_bound(variables_.begin(), variables_.end(), address,
                                [](std::uintptr_t value, const Variable& variable) { return value < variable.begin; });
  if (after == variables_.begin() || address >= (--after)->end) return -1;
  return static_cast<int>(after - variables_.begin());
}

std::map<const void*, std::string> places_of(const std::vector<const void*>& return_addresses) {
  std::map<const void*, std::string> places;
  std::uintptr_t base = 0;
  dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* into) {
        *static_cast<std::uintptr_t*>(into) = info->dlpi_addr;
        return 1;
      },
      &base);
  std::array<char, 4096> self{};
  if (::readlink(kSelf, self.data(), self.size() - 1) <= 0) return places;
  std::string command = cat("addr2line -e '", self.data(), "'");
  for (const void* at : return_addresses) {
    std::ostringstream number;
    number << std::hex << reinterpret_cast<std::uintptr_t>(at) - base - 1;
    command += " 0x" + number.str();
    places[at] = "0x" + number.str();
  }
  std::FILE* pipe = return_addresses.empty() ? nullptr : ::popen((command + " 2>/dev/null").c_str(), "r");
  if (pipe == nullptr) return places;
  std::array<char, 4096> line{};
  for (const void* at : return_addresses) {
    if (std::fgets(line.data(), static_cast<int>(line.size()), pipe) == nullptr) break;
    std::string place = line.data();
    place = place.substr(0, place.find_first_of(" \n"));
    if (place.find("??") == std::string::npos && !place.ends_with(":0")) places[at] = short_path(place);
  }
  ::pclose(pipe);
  return places;
}

}  // namespace convoy::cuda::emulator
