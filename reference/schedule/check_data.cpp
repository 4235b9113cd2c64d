#include "reference/schedule/checks.h"

#include <algorithm>
#include <map>
#include <set>
#include <span>
#include <tuple>

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

/// Touches of the same elements by ops of one stream, all reading or all writing. They are in the order of the ops, which is that
/// of the stream: what comes before the first comes before all, and what comes after the last, after all. A long program touches
/// every one of many tensors many times, so that there are far fewer of these than touches.
struct Row {
  Slice slice;
  int stream = 0;
  bool write = false;
  std::span<const int> ops;
};

/// The touches of a buffer as rows, by where these begin.
struct Rows {
  std::vector<int> ops;  ///< of all rows, which point here
  std::vector<Row> rows;
};

Rows rows_of(const Program& program, std::vector<Touch> touches) {
  std::erase_if(touches, [](const Touch& touch) { return touch.slice.count == 0; });
  const auto key = [&](const Touch& touch) {
    return std::tuple(touch.slice.offset, touch.slice.count, program.ops[static_cast<std::size_t>(touch.op)].stream, touch.write);
  };
  std::ranges::stable_sort(touches, {}, key);
  Rows made;
  for (const Touch& touch : touches) made.ops.push_back(touch.op);
  for (std::size_t begin = 0, end = 0; begin < touches.size(); begin = end) {
    while (end < touches.size() && key(touches[end]) == key(touches[begin])) ++end;
    const auto [offset, count, stream, write] = key(touches[begin]);
    made.rows.push_back({{offset, count}, stream, write, std::span<const int>(made.ops).subspan(begin, end - begin)});
  }
  return made;
}

/// Calls visit(one, other) for all pairs of different rows that have an element in common.
template <class Visit>
void for_each_overlap(const std::vector<Row>& rows, const Visit& visit) {
  for (auto one = rows.begin(); one != rows.end(); ++one)
    for (auto other = std::next(one); other != rows.end() && other->slice.offset < one->slice.end(); ++other) visit(*one, *other);
}

/// By row that reads, those that write some of the same.
std::vector<std::vector<const Row*>> writers_of(const std::vector<Row>& rows) {
  std::vector<std::vector<const Row*>> writers(rows.size());
  for_each_overlap(rows, [&](const Row& one, const Row& other) {
    if (one.write == other.write) return;
    const Row &reader = one.write ? other : one, &writer = one.write ? one : other;
    writers[static_cast<std::size_t>(&reader - rows.data())].push_back(&writer);
  });
  return writers;
}

/// Calls report(op, other op, whether they are in order within an iteration) for every pair of ops of two rows of different streams
/// that is not in order, within an iteration or from one to the next.
template <class Report>
void for_each_race(const ProgramOrder& order, const Row& one, const Row& other, const Report& report) {
  if (one.ops.size() > other.ops.size()) return for_each_race(order, other, one, report);
  for (const int op : one.ops) {
    const auto ended = std::ranges::partition_point(other.ops, [&](int earlier) { return order.before(earlier, op); });
    const auto begun = std::ranges::partition_point(other.ops, [&](int later) { return !order.before(op, later); });
    if (begun <= ended && order.before(op, other.ops.front(), true) && order.before(other.ops.back(), op, true)) continue;
    for (const int two : other.ops) {
      const bool this_iteration = order.before(op, two) || order.before(two, op);
      if (!this_iteration || !order.before(op, two, true) || !order.before(two, op, true)) report(op, two, this_iteration);
    }
  }
}

}  // namespace

void check_data(const Program& program, int rank, const ProgramOrder& order, const Touches& touches, Problems& problems) {
  for (std::size_t b = 0; b < touches.size(); ++b) {
    if (is_persistent(program.buffers[b].kind)) continue;
    const Rows made = rows_of(program, touches[b]);
    const std::vector<std::vector<const Row*>> writers = writers_of(made.rows);
    std::vector<std::pair<int, Slice>> missing;  // by op
    for (std::size_t row = 0; row < made.rows.size(); ++row) {
      if (made.rows[row].write) continue;
      for (const int op : made.rows[row].ops) {
        std::vector<Slice> written;
        for (const Row* writer : writers[row])
          if (order.before(writer->ops.front(), op)) written.push_back(writer->slice);
        if (!covers(std::move(written), made.rows[row].slice)) missing.emplace_back(op, made.rows[row].slice);
      }
    }
    std::ranges::stable_sort(missing, {}, &std::pair<int, Slice>::first);
    for (const auto& [op, slice] : missing)
      problems.push_back({rank, op, "read before write",
                          cat("reads ", program.buffers[b].name, "[", slice.offset, "+", slice.count,
                              "], not all of which is sure to have been written in this iteration")});
  }
}

void check_races(const Program& program, int rank, const ProgramOrder& order, const Touches& touches, Problems& problems) {
  std::set<std::pair<int, int>> reported;
  for (std::size_t b = 0; b < touches.size(); ++b) {
    std::map<std::pair<int, int>, bool> races;  // of ops, and whether they are in order within an iteration
    const Rows made = rows_of(program, touches[b]);
    for_each_overlap(made.rows, [&](const Row& one, const Row& other) {
      if (one.stream == other.stream || !(one.write || other.write)) return;
      for_each_race(order, one, other, [&](int op, int two, bool this_iteration) {
        races.emplace(std::minmax(op, two), this_iteration);
      });
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
