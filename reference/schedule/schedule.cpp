#include "reference/schedule/schedule.h"

#include <algorithm>
#include <array>

#include "reference/core/error.h"

namespace convoy {
namespace {

constexpr std::array kBufferKinds = {"weights",    "optimizer",           "gradients", "input",
                                     "activation", "activation_gradient", "workspace"};
constexpr std::array kRoles = {"x",       "y",         "dx",      "dy", "weight", "bias", "weight_gradient", "bias_gradient",
                               "weights", "gradients", "momentum"};
constexpr std::array kAccesses = {"read", "write", "update"};
constexpr std::array kComputeKinds = {"load", "zero", "forward", "backward_input", "backward_weights", "update"};

}  // namespace

std::string_view to_string(BufferKind kind) { return kBufferKinds.at(static_cast<std::size_t>(kind)); }
std::string_view to_string(Role role) { return kRoles.at(static_cast<std::size_t>(role)); }
std::string_view to_string(Access access) { return kAccesses.at(static_cast<std::size_t>(access)); }
std::string_view to_string(ComputeKind kind) { return kComputeKinds.at(static_cast<std::size_t>(kind)); }

bool is_persistent(BufferKind kind) { return kind == BufferKind::weights || kind == BufferKind::optimizer; }

int Program::stream_count() const {
  int last = -1;
  for (const Op& op : ops) last = std::max(last, op.stream);
  return last + 1;
}

const Program& Schedule::program(int rank) const {
  return programs.at(static_cast<std::size_t>(class_of.at(static_cast<std::size_t>(rank))));
}

Slice Schedule::samples(int rank) const {
  return shard(global_batch, mesh.axes[static_cast<std::size_t>(batch_axis)].extent, mesh.coordinate(rank, batch_axis));
}

CollectiveRequest request_of(const Schedule& schedule, int rank, const Collective& collective) {
  return {.rank = schedule.mesh.coordinate(rank, collective.axis),
          .world_size = schedule.mesh.axes[static_cast<std::size_t>(collective.axis)].extent,
          .root = collective.root,
          .count = collective.region.slice.count,
          .chunks = collective.chunks};
}

std::int64_t region_bytes(const Program& program, const Region& region) {
  return region.slice.count * size_bytes(program.buffers.at(static_cast<std::size_t>(region.buffer)).dtype);
}

std::pair<std::vector<Region>, std::vector<Region>> regions_of(const Op& op) {
  std::vector<Region> reads;
  std::vector<Region> writes;
  if (const auto* compute = std::get_if<Compute>(&op.action)) {
    for (const Operand& operand : compute->operands) {
      if (operand.access != Access::write) reads.push_back(operand.region);
      if (operand.access != Access::read) writes.push_back(operand.region);
    }
  } else if (const auto* exchange = std::get_if<Exchange>(&op.action)) {
    if (exchange->send) reads.push_back(exchange->send->region);
    if (exchange->recv) writes.push_back(exchange->recv->region);
  } else {
    const Region region = std::get<Collective>(op.action).region;
    reads.push_back(region);
    writes.push_back(region);
  }
  return {reads, writes};
}

}  // namespace convoy
