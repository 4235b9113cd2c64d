#include "reference/schedule/checks.h"

#include <algorithm>
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

void check_data(const Program& program, int rank, const ProgramOrder& order, const Touches& touches, Problems& problems) {
  for (std::size_t b = 0; b < touches.size(); ++b) {
    if (is_persistent(program.buffers[b].kind)) continue;
    for (const Touch& read : touches[b]) {
      if (read.write || read.slice.count == 0) continue;
      std::vector<Slice> written;
      for (const Touch& write : touches[b])
        if (write.write && overlap(write.slice, read.slice) && write.op != read.op && order.before(write.op, read.op))
          written.push_back(write.slice);
      if (!covers(written, read.slice))
        problems.push_back({rank, read.op, "read before write",
                            cat("reads ", program.buffers[b].name, "[", read.slice.offset, "+", read.slice.count,
                                "], not all of which is sure to have been written in this iteration")});
    }
  }
}

void check_races(const Program& program, int rank, const ProgramOrder& order, const Touches& touches, Problems& problems) {
  std::set<std::pair<int, int>> reported;
  for (std::size_t b = 0; b < touches.size(); ++b)
    for (std::size_t i = 0; i < touches[b].size(); ++i)
      for (std::size_t j = 0; j < touches[b].size(); ++j) {
        const Touch& one = touches[b][i];
        const Touch& two = touches[b][j];
        if (!(one.write || two.write) || !overlap(one.slice, two.slice)) continue;
        const bool this_iteration = one.op == two.op || order.before(one.op, two.op) || order.before(two.op, one.op);
        const bool next_iteration = order.before(one.op, two.op, true);
        if (this_iteration && next_iteration) continue;
        if (!reported.insert(std::minmax(one.op, two.op)).second) continue;
        const int first = std::min(one.op, two.op);
        const int second = std::max(one.op, two.op);
        problems.push_back(
            {rank, second, "race",
             cat("and op ", first, " (", program.ops[static_cast<std::size_t>(first)].name, ") touch the same elements of ",
                 program.buffers[b].name, ", one of them writing, with no order between them",
                 this_iteration ? " from one iteration to the next" : "")});
      }
}

}  // namespace convoy
