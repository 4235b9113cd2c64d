#include "reference/schedule/checks.h"

#include "reference/core/error.h"

namespace convoy {
void check_layouts(const Program& program, int rank, Problems& problems) {
  const auto blocked = [&](const Region& region) {
    return program.buffers[static_cast<std::size_t>(region.buffer)].layout != BufferLayout::nchw;
  };
  for (std::size_t id = 0; id < program.ops.size(); ++id) {
    const auto complain = [&](const std::string& sentence) {
      problems.push_back({rank, static_cast<int>(id), "structure", sentence});
    };
    const auto [reads, writes] = regions_of(program.ops[id]);
    const auto* compute = std::get_if<Compute>(&program.ops[id].action);
    int count = 0;
    for (const auto* regions : {&reads, &writes})
      for (const Region& region : *regions) {
        if (!blocked(region)) continue;
        ++count;
        const Buffer& buffer = program.buffers[static_cast<std::size_t>(region.buffer)];
        if (compute == nullptr) complain(cat("moves '", buffer.name, "', which is blocked"));
        if (region.slice != Slice{0, element_count(buffer)})
          complain(cat("uses a part of '", buffer.name, "', which is blocked"));
      }
    if (compute == nullptr) continue;
    const bool together = compute->kind == ComputeKind::copy || compute->kind == ComputeKind::sum;
    if (together && count != 0 && count != static_cast<int>(reads.size() + writes.size()))
      complain("puts blocked buffers together with others");
    if (compute->kind == ComputeKind::repack && count != 1)
      complain(cat("repacks between buffers of which ", count, " are blocked; one must be"));
  }
}

void check_boxes(const Program& program, int rank, Problems& problems) {
  for (std::size_t id = 0; id < program.ops.size(); ++id) {
    const auto* compute = std::get_if<Compute>(&program.ops[id].action);
    if (compute == nullptr) continue;
    for (const Operand& operand : compute->operands) {
      if (operand.box == Box{}) continue;
      const BufferLayout layout = program.buffers[static_cast<std::size_t>(operand.region.buffer)].layout;
      if (const std::int64_t count = element_count(operand.box.shape(), layout); count != operand.region.slice.count)
        problems.push_back({rank, static_cast<int>(id), "structure",
                            cat(to_string(operand.role), " has ", operand.region.slice.count, " elements and a box of ", count)});
    }
    if (compute->kind != ComputeKind::copy) continue;
    for (const Operand& y : compute->operands) {
      if (y.role != Role::y) continue;
      std::int64_t found = 0;
      for (const Operand& x : compute->operands)
        if (x.role == Role::x) found += intersection(x.box, y.box).count();
      if (found != y.box.count())
        problems.push_back(
            {rank, static_cast<int>(id), "structure", cat("copies ", found, " of the ", y.box.count(), " elements of y")});
    }
  }
}

}  // namespace convoy
