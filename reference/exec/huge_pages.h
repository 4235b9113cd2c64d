/// Large buffers in large pages.
#pragma once

#include <cstdint>

namespace convoy {

/// Asks the operating system to put [memory, memory + bytes) into pages of 2 MiB, before it is touched for the first time. A pass
/// over hundreds of megabytes then misses the processor's table of pages 512 times less often, which in a virtual machine costs
/// two walks each. Buffers below 4 MiB stay as they are, and where the system has no such pages nothing happens: it is a hint.
void prefer_huge_pages(void* memory, std::int64_t bytes);

}  // namespace convoy
