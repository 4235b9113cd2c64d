#include "reference/exec/combine.h"

#include <algorithm>
#include <cstring>

#include "reference/schedule/order.h"

namespace convoy {
namespace {

template <class T>
void add(T* __restrict to, const T* __restrict from, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) to[i] += from[i];
}

}  // namespace

void combine(OnReceive how, DType dtype, std::byte* mine, const std::byte* theirs, std::int64_t count) {
  if (count == 0) return;
  if (how == OnReceive::copy) {
    std::memcpy(mine, theirs, static_cast<std::size_t>(count * size_bytes(dtype)));
    return;
  }
  with_type(dtype, [&](auto zero) {
    using T = decltype(zero);
    add(reinterpret_cast<T*>(mine), reinterpret_cast<const T*>(theirs), count);
  });
}

std::vector<std::vector<int>> last_uses(const Program& program) {
  const ProgramOrder order(program);
  std::vector<std::vector<int>> touching(program.buffers.size());
  std::vector<bool> kept(program.buffers.size(), false);  // a push for the next iteration may lie there already, or an answer still
  if (const Serve* serve = serve_of(program))
    for (const auto* messages : {&serve->pushes, &serve->pulls})
      for (const Message& message : *messages) kept[static_cast<std::size_t>(message.region.buffer)] = true;
  for (std::size_t op = 0; op < program.ops.size(); ++op) {
    const auto [reads, writes] = regions_of(program.ops[op]);
    for (const auto* regions : {&reads, &writes})
      for (const Region& region : *regions) touching[static_cast<std::size_t>(region.buffer)].push_back(static_cast<int>(op));
  }
  std::vector<std::vector<int>> ends(program.ops.size());
  for (std::size_t b = 0; b < touching.size(); ++b) {
    if (touching[b].empty() || kept[b] || is_persistent(program.buffers[b].kind)) continue;
    const int last = touching[b].back();
    const bool after_all =
        std::all_of(touching[b].begin(), touching[b].end(), [&](int op) { return op == last || order.before(op, last); });
    if (after_all) ends[static_cast<std::size_t>(last)].push_back(static_cast<int>(b));
  }
  return ends;
}

}  // namespace convoy
