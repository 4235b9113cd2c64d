/// How often memory was asked for in this program: tests replace the global operator new to count.
#pragma once

#include <cstdint>

namespace convoy {

std::int64_t counted_news();

}  // namespace convoy
