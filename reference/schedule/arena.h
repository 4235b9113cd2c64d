/// Where blocks that are not all needed at the same time lie in one piece of memory.
#pragma once

#include <cstdint>
#include <vector>

namespace convoy {

/// What is to be placed.
struct ArenaBlock {
  std::int64_t bytes = 0;
  int first = 0;                ///< when it is needed: first and last moment, in any unit
  int last = 0;
  std::vector<int> apart = {};  ///< the other blocks with which it cannot share memory
};

struct ArenaPlan {
  std::vector<std::int64_t> offset_bytes;  ///< of every block
  std::int64_t total_bytes = 0;
};

/// Places blocks so that together they need little memory. Finding the least is NP-hard; here blocks are placed one after the other,
/// each as low as it can be, in several orders (largest first, by moment, by bytes times moments, by the moments at which most is
/// needed), and then in the best of these with what came to lie on top moved forward again and again. The best plan found is kept;
/// nothing more is tried when it needs no more than `least_bytes`, which nothing can be below.
/// Sources: Pisarchyk, Lee, "Efficient Memory Management for Deep Neural Net Inference", 2020 (orders by size and by breadth);
/// Joslin, Clements, "Squeaky Wheel Optimization", 1999 (moving forward what came out badly).
ArenaPlan place_blocks(const std::vector<ArenaBlock>& blocks, std::int64_t least_bytes);

}  // namespace convoy
