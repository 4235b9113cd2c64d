#include "reference/schedule/lifetimes.h"

#include <algorithm>

namespace convoy {
namespace {

/// An op that touches a buffer; `renews`: it writes all of it and reads nothing.
struct Touching {
  int op = 0;
  bool renews = false;
};

/// For every buffer the ops that touch it, in list order.
std::vector<std::vector<Touching>> touching_ops(const Program& program) {
  std::vector<std::vector<Touching>> touching(program.buffers.size());
  for (std::size_t op = 0; op < program.ops.size(); ++op) {
    const auto [reads, writes] = regions_of(program.ops[op]);
    const auto touch = [&](const Region& region, bool whole) {
      std::vector<Touching>& ops = touching[static_cast<std::size_t>(region.buffer)];
      const bool again = !ops.empty() && ops.back().op == static_cast<int>(op);
      if (!again) ops.push_back({static_cast<int>(op), whole});
      if (again && !whole) ops.back().renews = false;
    };
    for (const Region& region : writes)
      touch(region, region.slice == Slice{0, element_count(program.buffers[static_cast<std::size_t>(region.buffer)])});
    for (const Region& region : reads) touch(region, false);
  }
  return touching;
}

void add(Life& life, const Program& program, const ProgramOrder& order, int op) {
  life.ops.push_back(op);
  int& last = life.last[static_cast<std::size_t>(program.ops[static_cast<std::size_t>(op)].stream)];
  last = std::max(last, order.place(op) + 1);
  for (std::size_t s = 0; s < life.last.size(); ++s) {
    life.known[s] = std::min(life.known[s], order.known(op, false, static_cast<int>(s)));
    life.known_next[s] = std::min(life.known_next[s], order.known(op, true, static_cast<int>(s)));
  }
}

bool all_ended(const std::vector<int>& last, const std::vector<int>& known) {
  for (std::size_t s = 0; s < last.size(); ++s)
    if (last[s] > known[s]) return false;
  return true;
}

}  // namespace

std::vector<std::vector<Life>> lives_of(const Program& program, const ProgramOrder& order) {
  const auto streams = static_cast<std::size_t>(program.stream_count());
  constexpr int kMost = 1 << 30;
  const Life unborn{{}, std::vector<int>(streams, 0), std::vector<int>(streams, kMost), std::vector<int>(streams, kMost)};
  std::vector<std::vector<Life>> lives;
  for (const std::vector<Touching>& ops : touching_ops(program)) {
    std::vector<Life>& mine = lives.emplace_back();
    for (const Touching& touching : ops) {
      // Earlier lives had ended when this one began, so asking about this one is enough.
      const bool renewed = !mine.empty() && touching.renews &&
                           std::ranges::all_of(mine.back().ops, [&](int earlier) { return order.before(earlier, touching.op); });
      if (mine.empty() || renewed) mine.push_back(unborn);
      add(mine.back(), program, order, touching.op);
    }
  }
  return lives;
}

/// The lives of a buffer follow each other, so those of two buffers are merged: neighbours in that order are all that can meet, and
/// the last of one and the first of the other, an iteration later.
bool may_share(const std::vector<Life>& a, const std::vector<Life>& b) {
  if (a.empty() || b.empty()) return true;
  if (!all_ended(a.back().last, b.front().known_next) || !all_ended(b.back().last, a.front().known_next)) return false;
  for (auto one = a.begin(), other = b.begin(); one != a.end() && other != b.end();) {
    if (all_ended(one->last, other->known))
      ++one;
    else if (all_ended(other->last, one->known))
      ++other;
    else
      return false;
  }
  return true;
}

}  // namespace convoy
