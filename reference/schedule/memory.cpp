#include "reference/schedule/memory.h"

#include <algorithm>
#include <numeric>

#include "reference/core/tensor.h"
#include "reference/schedule/arena.h"
#include "reference/schedule/lifetimes.h"
#include "reference/schedule/order.h"

namespace convoy {
namespace {

std::int64_t bytes_of(const Buffer& buffer) { return element_count(buffer) * size_bytes(buffer.dtype); }

std::int64_t aligned(std::int64_t bytes) {
  constexpr auto alignment = static_cast<std::int64_t>(kAlignment_bytes);
  return (bytes + alignment - 1) / alignment * alignment;
}

/// Bytes of the buffers that hold something, by op of the list; bytes(i): those of a buffer.
template <class Bytes>
std::vector<std::int64_t> alive_bytes(const Program& program, const std::vector<std::vector<Life>>& lives, const Bytes& bytes) {
  std::vector<std::int64_t> alive(program.ops.size() + 2, 0);
  for (std::size_t i = 0; i < lives.size(); ++i)
    for (const Life& life : lives[i]) {
      alive[static_cast<std::size_t>(life.ops.front())] += bytes(i);
      alive[static_cast<std::size_t>(life.ops.back()) + 1] -= bytes(i);
    }
  std::partial_sum(alive.begin(), alive.end(), alive.begin());
  return alive;
}

/// The most bytes of buffers that do not persist at any op of the compute stream, counting those that hold something, are being
/// filled by a message, or are not known to have been taken from.
std::int64_t held_bytes(const Program& program, const ProgramOrder& order, const std::vector<std::vector<Life>>& lives) {
  std::vector<int> computes;
  for (std::size_t op = 0; op < program.ops.size(); ++op)
    if (program.ops[op].stream == kComputeStream) computes.push_back(static_cast<int>(op));
  const auto knows_end = [&](int op, const Life& life) {
    for (std::size_t s = 0; s < life.last.size(); ++s)
      if (life.last[s] > order.known(op, false, static_cast<int>(s))) return false;
    return true;
  };
  std::vector<std::int64_t> held(computes.size() + 1, 0);
  for (std::size_t i = 0; i < lives.size(); ++i) {
    if (is_persistent(program.buffers[i].kind)) continue;
    for (const Life& life : lives[i]) {
      const auto begin = computes.begin() + life.known[kComputeStream];  // the first that may run when it begins
      const auto end = std::partition_point(begin, computes.end(), [&](int op) { return !knows_end(op, life); });
      held[static_cast<std::size_t>(begin - computes.begin())] += bytes_of(program.buffers[i]);
      held[static_cast<std::size_t>(end - computes.begin())] -= bytes_of(program.buffers[i]);
    }
  }
  std::partial_sum(held.begin(), held.end(), held.begin());
  return *std::ranges::max_element(held);
}

}  // namespace

MemoryPlan plan_memory(const Program& program) {
  MemoryPlan plan;
  plan.offset_bytes.assign(program.buffers.size(), 0);
  const std::vector<std::vector<Life>> lives = lives_of(program, ProgramOrder(program));
  std::vector<std::size_t> transient;
  for (std::size_t i = 0; i < program.buffers.size(); ++i) {
    if (!is_persistent(program.buffers[i].kind)) {
      transient.push_back(i);
      continue;
    }
    plan.offset_bytes[i] = plan.persistent_bytes;
    plan.persistent_bytes += aligned(bytes_of(program.buffers[i]));
  }

  std::vector<ArenaBlock> blocks;
  for (const std::size_t i : transient) {
    ArenaBlock block{.bytes = aligned(bytes_of(program.buffers[i]))};
    if (!lives[i].empty()) {
      block.first = lives[i].front().ops.front();
      block.last = lives[i].back().ops.back();
    }
    const auto mine = static_cast<int>(blocks.size());
    for (int other = 0; other < mine; ++other)
      if (block.bytes > 0 && !may_share(lives[i], lives[transient[static_cast<std::size_t>(other)]])) {
        block.apart.push_back(other);
        blocks[static_cast<std::size_t>(other)].apart.push_back(mine);
      }
    blocks.push_back(std::move(block));
  }
  const std::vector<std::int64_t> alive = alive_bytes(program, lives, [&](std::size_t i) {
    return is_persistent(program.buffers[i].kind) ? 0 : aligned(bytes_of(program.buffers[i]));
  });
  const ArenaPlan placed = place_blocks(blocks, *std::ranges::max_element(alive));
  for (std::size_t b = 0; b < transient.size(); ++b) plan.offset_bytes[transient[b]] = plan.persistent_bytes + placed.offset_bytes[b];
  plan.total_bytes = plan.persistent_bytes + placed.total_bytes;
  return plan;
}

Memory memory_of(const Program& program) {
  const ProgramOrder order(program);
  const std::vector<std::vector<Life>> lives = lives_of(program, order);
  const MemoryPlan plan = plan_memory(program);
  Memory memory;
  memory.arena_bytes = plan.total_bytes;
  std::array<std::vector<std::int64_t>, 7> alive;
  for (std::size_t kind = 0; kind < alive.size(); ++kind) {
    std::int64_t always = 0;
    alive.at(kind) = alive_bytes(program, lives, [&](std::size_t i) {
      const Buffer& buffer = program.buffers[i];
      return static_cast<std::size_t>(buffer.kind) == kind && !is_persistent(buffer.kind) ? bytes_of(buffer) : 0;
    });
    for (const Buffer& buffer : program.buffers)
      if (static_cast<std::size_t>(buffer.kind) == kind && is_persistent(buffer.kind)) always += bytes_of(buffer);
    for (std::int64_t& bytes : alive.at(kind)) bytes += always;
  }
  const int ops = std::max<int>(1, static_cast<int>(program.ops.size()));
  for (int op = 0; op < ops; ++op) {
    std::int64_t sum = 0;
    for (const std::vector<std::int64_t>& kind : alive) sum += kind[static_cast<std::size_t>(op)];
    if (sum <= memory.peak_bytes) continue;
    memory.peak_bytes = sum;
    memory.peak_op = op;
    for (std::size_t kind = 0; kind < alive.size(); ++kind) memory.bytes_of_kind.at(kind) = alive.at(kind)[static_cast<std::size_t>(op)];
  }
  // Two messages may follow each other without any compute op between them that knows, so what is held can be more than there is.
  const std::int64_t held = plan.persistent_bytes + held_bytes(program, order, lives);
  memory.in_flight_bytes = std::clamp<std::int64_t>(held - memory.peak_bytes, 0, memory.arena_bytes - memory.peak_bytes);
  return memory;
}

}  // namespace convoy
