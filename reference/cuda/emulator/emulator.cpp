#include "reference/cuda/emulator/emulator.h"

#include <algorithm>

#include "reference/core/error.h"
#include "reference/cuda/emulator/session.h"

namespace convoy::cuda::emulator {
namespace {

const char* word_for(Fault fault) {
  switch (fault) {
    case Fault::out_of_bounds: return "out of bounds";
    case Fault::misaligned: return "misaligned";
    case Fault::unwritten: return "never written";
    case Fault::race: return "race";
    case Fault::barrier: return "barrier";
    case Fault::fence: return "fence";
  }
  return "?";
}

Allocation& owner_of(const void* memory, std::int64_t bytes, const char* where) {
  const auto address = reinterpret_cast<std::uintptr_t>(memory);
  Allocation* allocation = session().memory().find(address);
  require(allocation != nullptr && allocation->holds(address, bytes), where, bytes, " bytes are not all memory of the device");
  return *allocation;
}

}  // namespace

Traffic& Traffic::operator+=(const Traffic& other) {
  requests += other.requests;
  transactions += other.transactions;
  bytes += other.bytes;
  return *this;
}

Counts& Counts::operator+=(const Counts& other) {
  loads += other.loads;
  stores += other.stores;
  atomics += other.atomics;
  shared_requests += other.shared_requests;
  bank_conflicts += other.bank_conflicts;
  barriers += other.barriers;
  return *this;
}

std::string to_text(const std::vector<Problem>& problems) {
  if (problems.empty()) return "";
  std::string text = cat(problems.size(), problems.size() == 1 ? " problem:\n" : " problems:\n");
  for (const Problem& p : problems) {
    text += cat("  ", word_for(p.fault), " at ", p.place, ": ", p.sentence);
    if (p.times > 1) text += cat(" (", p.times, " times)");
    text += "\n";
  }
  return text;
}

Report report(bool places) { return session().report(places); }

void* allocate(std::int64_t bytes, const std::string& name, int element_bytes) {
  return session().memory().allocate(bytes, name, element_bytes);
}
void release(void* memory) { session().memory().release(memory); }

void host_wrote(const void* memory, std::int64_t bytes) {
  if (bytes == 0) return;
  Allocation& a = owner_of(memory, bytes, "emulator::host_wrote");
  const auto offset = static_cast<std::ptrdiff_t>(reinterpret_cast<std::uintptr_t>(memory) - a.begin);
  std::fill_n(a.written.begin() + offset, bytes, std::uint8_t{1});
}

bool is_device_memory(const void* memory, std::int64_t bytes) {
  const auto address = reinterpret_cast<std::uintptr_t>(memory);
  const Allocation* allocation = session().memory().find(address);
  return allocation != nullptr && allocation->holds(address, bytes);
}

std::int64_t allocated_bytes() { return session().memory().allocated_bytes(); }

void launch(const std::string& kernel, Extent grid, Extent block, void (*thread)(void*), void* argument) {
  session().launch(kernel, grid, block, thread, argument);
}

}  // namespace convoy::cuda::emulator
