/// What regions of a program's buffers have to do with each other.
#pragma once

#include "reference/schedule/schedule.h"

namespace convoy {

/// Whether two regions of the same program have an element in common.
inline bool overlap(const Region& a, const Region& b) {
  return a.buffer == b.buffer && a.slice.offset < b.slice.end() && b.slice.offset < a.slice.end();
}

}  // namespace convoy
