#include "reference/exec/huge_pages.h"

#ifdef __linux__
#include <sys/mman.h>
#endif

namespace convoy {

void prefer_huge_pages([[maybe_unused]] void* memory, [[maybe_unused]] std::int64_t bytes) {
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  constexpr std::uintptr_t page = std::uintptr_t{2} << 20U;
  constexpr std::int64_t least_bytes = 2 * static_cast<std::int64_t>(page);
  if (bytes < least_bytes) return;
  const auto begin = reinterpret_cast<std::uintptr_t>(memory);
  const std::uintptr_t first = (begin + page - 1) / page * page;
  const std::uintptr_t end = (begin + static_cast<std::uintptr_t>(bytes)) / page * page;
  if (first < end) (void)madvise(reinterpret_cast<void*>(first), end - first, MADV_HUGEPAGE);  // a refusal changes only speed
#endif
}

}  // namespace convoy
