#include "reference/schedule/memory.h"

#include <algorithm>
#include <numeric>

#include "reference/core/tensor.h"
#include "reference/schedule/order.h"

namespace convoy {
namespace {

std::int64_t bytes_of(const Buffer& buffer) { return element_count(buffer) * size_bytes(buffer.dtype); }

std::int64_t aligned(std::int64_t bytes) {
  constexpr auto alignment = static_cast<std::int64_t>(kAlignment_bytes);
  return (bytes + alignment - 1) / alignment * alignment;
}

/// For every buffer the ops that touch it, in list order.
std::vector<std::vector<int>> touching_ops(const Program& program) {
  std::vector<std::vector<int>> touching(program.buffers.size());
  for (std::size_t op = 0; op < program.ops.size(); ++op) {
    const auto [reads, writes] = regions_of(program.ops[op]);
    for (const auto* regions : {&reads, &writes})
      for (const Region& region : *regions) {
        std::vector<int>& ops = touching[static_cast<std::size_t>(region.buffer)];
        if (ops.empty() || ops.back() != static_cast<int>(op)) ops.push_back(static_cast<int>(op));
      }
  }
  return touching;
}

/// When a buffer is in use, by streams: `last` ops of each stream that touch it (their place + 1, 0 when none does), and how
/// much of each stream is sure to have ended before the first op that touches it, in this iteration and in the next.
struct Use {
  std::vector<int> last;
  std::vector<int> known;
  std::vector<int> known_next;
};

Use use_of(const Program& program, const ProgramOrder& order, const std::vector<int>& touching, int streams) {
  const auto size = static_cast<std::size_t>(streams);
  Use use{std::vector<int>(size, 0), std::vector<int>(size, 1 << 30), std::vector<int>(size, 1 << 30)};
  for (const int op : touching) {
    int& last = use.last[static_cast<std::size_t>(program.ops[static_cast<std::size_t>(op)].stream)];
    last = std::max(last, order.place(op) + 1);
    for (int s = 0; s < streams; ++s) {
      const auto i = static_cast<std::size_t>(s);
      use.known[i] = std::min(use.known[i], order.known(op, false, s));
      use.known_next[i] = std::min(use.known_next[i], order.known(op, true, s));
    }
  }
  return use;
}

bool all_ended(const std::vector<int>& last, const std::vector<int>& known) {
  for (std::size_t s = 0; s < last.size(); ++s)
    if (last[s] > known[s]) return false;
  return true;
}

/// Whether two buffers may lie in the same place: one is done with before the other begins, in every iteration.
bool may_share(const Use& a, const Use& b) {
  const bool a_first = all_ended(a.last, b.known) && all_ended(b.last, a.known_next);
  const bool b_first = all_ended(b.last, a.known) && all_ended(a.last, b.known_next);
  return a_first || b_first;
}

struct Placed {
  std::int64_t offset;
  std::int64_t end;
};

/// The lowest offset from `start` at which `bytes` fit between the ranges taken.
std::int64_t first_gap(std::vector<Placed> taken, std::int64_t start, std::int64_t bytes) {
  std::sort(taken.begin(), taken.end(), [](const Placed& a, const Placed& b) { return a.offset < b.offset; });
  std::int64_t offset = start;
  for (const Placed& range : taken) {
    if (offset + bytes <= range.offset) break;
    offset = std::max(offset, range.end);
  }
  return offset;
}

}  // namespace

MemoryPlan plan_memory(const Program& program) {
  MemoryPlan plan;
  plan.offset_bytes.assign(program.buffers.size(), 0);
  std::vector<std::size_t> transient;
  for (std::size_t i = 0; i < program.buffers.size(); ++i) {
    if (!is_persistent(program.buffers[i].kind)) {
      transient.push_back(i);
      continue;
    }
    plan.offset_bytes[i] = plan.persistent_bytes;
    plan.persistent_bytes += aligned(bytes_of(program.buffers[i]));
  }

  const ProgramOrder order(program);
  const std::vector<std::vector<int>> touching = touching_ops(program);
  std::vector<Use> uses;
  for (const std::vector<int>& ops : touching) uses.push_back(use_of(program, order, ops, program.stream_count()));

  // Largest first, each at the lowest place where nothing that may be alive with it lies.
  std::stable_sort(transient.begin(), transient.end(),
                   [&](std::size_t a, std::size_t b) { return bytes_of(program.buffers[a]) > bytes_of(program.buffers[b]); });
  plan.total_bytes = plan.persistent_bytes;
  std::vector<std::size_t> done;
  for (const std::size_t i : transient) {
    const std::int64_t bytes = aligned(bytes_of(program.buffers[i]));
    std::vector<Placed> taken;
    for (const std::size_t j : done)
      if (!may_share(uses[i], uses[j]))
        taken.push_back({plan.offset_bytes[j], plan.offset_bytes[j] + aligned(bytes_of(program.buffers[j]))});
    plan.offset_bytes[i] = first_gap(std::move(taken), plan.persistent_bytes, bytes);
    plan.total_bytes = std::max(plan.total_bytes, plan.offset_bytes[i] + bytes);
    done.push_back(i);
  }
  return plan;
}

Memory memory_of(const Program& program) {
  const std::vector<std::vector<int>> touching = touching_ops(program);
  Memory memory;
  memory.arena_bytes = plan_memory(program).total_bytes;
  const int ops = std::max<int>(1, static_cast<int>(program.ops.size()));
  for (int op = 0; op < ops; ++op) {
    std::array<std::int64_t, 7> alive{};
    for (std::size_t i = 0; i < program.buffers.size(); ++i) {
      const Buffer& buffer = program.buffers[i];
      const bool used_now = !touching[i].empty() && touching[i].front() <= op && op <= touching[i].back();
      if (is_persistent(buffer.kind) || used_now) alive.at(static_cast<std::size_t>(buffer.kind)) += bytes_of(buffer);
    }
    const std::int64_t sum = std::accumulate(alive.begin(), alive.end(), std::int64_t{0});
    if (sum > memory.peak_bytes) {
      memory.peak_bytes = sum;
      memory.bytes_of_kind = alive;
      memory.peak_op = op;
    }
  }
  return memory;
}

}  // namespace convoy
