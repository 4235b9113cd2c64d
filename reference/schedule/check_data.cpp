#include "reference/schedule/checks.h"

#include <algorithm>
#include <map>
#include <set>

#include "reference/core/error.h"

namespace convoy {
namespace {

/// What a rank needs to have in the region of a collective before it begins.
Region needed_before(const Schedule& schedule, int rank, const Collective& collective) {
  const CollectiveRequest request = request_of(schedule, rank, collective);
  Region needed = collective.region;
  if (collective.kind == CollectiveKind::all_gather) {
    const Slice mine = part_of(request, request.rank);
    needed.slice = {needed.slice.offset + mine.offset, mine.count};
  } else if (collective.kind == CollectiveKind::broadcast && request.rank != collective.root) {
    needed.slice.count = 0;
  }
  return needed;
}

}  // namespace

Touches touches_of(const Schedule& schedule, const Program& program, int rank) {
  Touches touches(program.buffers.size());
  for (std::size_t op = 0; op < program.ops.size(); ++op) {
    auto [reads, writes] = regions_of(program.ops[op]);
    if (const auto* collective = std::get_if<Collective>(&program.ops[op].action))
      reads = {needed_before(schedule, rank, *collective)};
    for (const Region& r : reads) touches[static_cast<std::size_t>(r.buffer)].push_back({static_cast<int>(op), r.slice, false});
    for (const Region& w : writes) touches[static_cast<std::size_t>(w.buffer)].push_back({static_cast<int>(op), w.slice, true});
  }
  return touches;
}

bool covers(std::vector<Slice> parts, const Slice& whole) {
  std::sort(parts.begin(), parts.end(), [](const Slice& a, const Slice& b) { return a.offset < b.offset; });
  std::int64_t reached = whole.offset;
  for (const Slice& part : parts) {
    if (part.offset > reached) break;
    reached = std::max(reached, part.end());
  }
  return reached >= whole.end();
}

namespace {

/// Calls visit(i, j), i < j, for all touches of a buffer that have an element in common. A sweep over them by where they begin, since
/// a long program touches every one of many tensors many times.
template <class Visit>
void for_each_overlap(const std::vector<Touch>& touches, const Visit& visit) {
  std::vector<std::size_t> sorted;
  for (std::size_t i = 0; i < touches.size(); ++i)
    if (touches[i].slice.count > 0) sorted.push_back(i);
  std::ranges::stable_sort(sorted, {}, [&](std::size_t i) { return touches[i].slice.offset; });
  for (std::size_t a = 0; a < sorted.size(); ++a)
    for (std::size_t b = a + 1; b < sorted.size() && touches[sorted[b]].slice.offset < touches[sorted[a]].slice.end(); ++b)
      visit(std::min(sorted[a], sorted[b]), std::max(sorted[a], sorted[b]));
}

/// What a read of a buffer is sure to find written in this iteration, by touch.
std::vector<std::vector<Slice>> written_before(const ProgramOrder& order, const std::vector<Touch>& touches) {
  std::vector<std::vector<Slice>> written(touches.size());
  const auto note = [&](std::size_t write, std::size_t read) {
    if (touches[write].write && !touches[read].write && touches[write].op != touches[read].op &&
        order.before(touches[write].op, touches[read].op))
      written[read].push_back(touches[write].slice);
  };
  for_each_overlap(touches, [&](std::size_t i, std::size_t j) {
    note(i, j);
    note(j, i);
  });
  return written;
}

}  // namespace

void check_data(const Program& program, int rank, const ProgramOrder& order, const Touches& touches, Problems& problems) {
  for (std::size_t b = 0; b < touches.size(); ++b) {
    if (is_persistent(program.buffers[b].kind)) continue;
    const std::vector<std::vector<Slice>> written = written_before(order, touches[b]);
    for (std::size_t i = 0; i < touches[b].size(); ++i) {
      const Touch& read = touches[b][i];
      if (read.write || read.slice.count == 0 || covers(written[i], read.slice)) continue;
      problems.push_back({rank, read.op, "read before write",
                          cat("reads ", program.buffers[b].name, "[", read.slice.offset, "+", read.slice.count,
                              "], not all of which is sure to have been written in this iteration")});
    }
  }
}

void check_races(const Program& program, int rank, const ProgramOrder& order, const Touches& touches, Problems& problems) {
  std::set<std::pair<int, int>> reported;
  for (std::size_t b = 0; b < touches.size(); ++b) {
    std::map<std::pair<int, int>, bool> races;  // of ops, and whether they are in order within an iteration
    const auto look = [&](const Touch& one, const Touch& two) {
      if (!(one.write || two.write)) return;
      const bool this_iteration = one.op == two.op || order.before(one.op, two.op) || order.before(two.op, one.op);
      const bool next_iteration = order.before(one.op, two.op, true);
      if (!this_iteration || !next_iteration) races.emplace(std::minmax(one.op, two.op), this_iteration);
    };
    for (const Touch& touch : touches[b])
      if (touch.slice.count > 0) look(touch, touch);
    for_each_overlap(touches[b], [&](std::size_t i, std::size_t j) {
      look(touches[b][i], touches[b][j]);
      look(touches[b][j], touches[b][i]);
    });
    for (const auto& [ops, this_iteration] : races) {
      if (!reported.insert(ops).second) continue;
      problems.push_back(
          {rank, ops.second, "race",
           cat("and op ", ops.first, " (", program.ops[static_cast<std::size_t>(ops.first)].name, ") touch the same elements of ",
               program.buffers[b].name, ", one of them writing, with no order between them",
               this_iteration ? " from one iteration to the next" : "")});
    }
  }
}

}  // namespace convoy
