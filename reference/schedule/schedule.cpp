#include "reference/schedule/schedule.h"

#include <algorithm>
#include <array>

#include "reference/core/error.h"

namespace convoy {
namespace {

constexpr std::array kBufferKinds = {"weights",    "optimizer",           "gradients", "input",
                                     "activation", "activation_gradient", "workspace"};
constexpr std::array kRoles = {
    "x",       "y",         "dx",       "dy",   "weight",        "bias",         "weight_gradient", "bias_gradient",
    "weights", "gradients", "momentum", "sums", "gradient_sums", "running_mean", "running_var",
    "norms",   "payload",   "error"};
constexpr std::array kAccesses = {"read", "write", "update"};
constexpr std::array kComputeKinds = {"load",
                                      "zero",
                                      "forward",
                                      "backward_input",
                                      "backward_weights",
                                      "update",
                                      "statistics",
                                      "gradient_statistics",
                                      "bias",
                                      "copy",
                                      "sum",
                                      "convert",
                                      "join",
                                      "repack",
                                      "norms",
                                      "compress",
                                      "decompress",
                                      "weigh"};
static_assert(kRoles.size() == kRoleCount && kComputeKinds.size() == kComputeKindCount);

}  // namespace

std::string_view to_string(BufferLayout layout) { return layout == BufferLayout::nchw ? "nchw" : "nchw16c"; }
std::int64_t element_count(const Shape& shape, BufferLayout layout) {
  if (layout == BufferLayout::nchw) return shape.count();
  const std::int64_t blocks = (std::int64_t{shape.c} + kChannelBlock - 1) / kChannelBlock;
  return shape.n * blocks * kChannelBlock * shape.h * shape.w;
}
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
  if (batch_axis < 0) return {0, global_batch};
  const int sharers = mesh.axes[static_cast<std::size_t>(batch_axis)].extent - servers;
  const int coordinate = mesh.coordinate(rank, batch_axis);
  if (coordinate >= sharers) return {global_batch, 0};
  return shard(global_batch, sharers, coordinate);
}

int steps_of_iteration(const Schedule& schedule) { return std::max(1, schedule.local_steps); }

std::int64_t images_of_mean(const Schedule& schedule, int rank, const Slice& samples) {
  const std::int64_t mine = schedule.samples(rank).count;
  for (int step = 0; step < schedule.local_steps; ++step)
    if (const Slice part = shard(mine, schedule.local_steps, step); samples.offset < part.end()) return part.count;
  return schedule.global_batch;
}

namespace {

/// The last node that any rank computes.
int last_node(const Schedule& schedule) {
  int last = -1;
  for (const Program& program : schedule.programs)
    for (const Op& op : program.ops)
      if (const auto* compute = std::get_if<Compute>(&op.action); compute != nullptr && compute->kind == ComputeKind::forward)
        last = std::max(last, compute->node);
  return last;
}

/// The samples of the ops of a loss at a rank, relative to samples(); nothing when it has none.
std::optional<Slice> loss_samples(const Program& program, int loss) {
  std::optional<Slice> samples;
  for (const Op& op : program.ops) {
    const auto* compute = std::get_if<Compute>(&op.action);
    if (compute == nullptr || compute->kind != ComputeKind::forward || compute->node != loss || compute->operands.empty()) continue;
    const Slice here = compute->operands.front().box.n;
    samples = samples ? Slice{std::min(samples->offset, here.offset), samples->count + here.count} : here;
  }
  return samples;
}

}  // namespace

Slice counted_samples(const Schedule& schedule, int rank, int loss) {
  if (loss < 0) loss = last_node(schedule);
  const std::optional<Slice> mine = loss_samples(schedule.program(rank), loss);
  if (!mine) return {};
  for (int axis = 0; axis < static_cast<int>(schedule.mesh.axes.size()); ++axis) {
    const int coordinate = schedule.mesh.coordinate(rank, axis);
    if (axis == schedule.batch_axis || coordinate == 0) continue;
    if (loss_samples(schedule.program(schedule.mesh.neighbour(rank, axis, -coordinate)), loss) == mine) return {};
  }
  return {schedule.samples(rank).offset + mine->offset, mine->count};
}

CollectiveRequest request_of(const Schedule& schedule, int rank, const Collective& collective) {
  return {.rank = schedule.mesh.coordinate(rank, collective.axis),
          .world_size = schedule.mesh.axes[static_cast<std::size_t>(collective.axis)].extent,
          .root = collective.root,
          .count = collective.region.slice.count,
          .chunks = collective.chunks,
          .bounds = collective.bounds,
          .channels = collective.channels,
          .ranks_per_node = collective.ranks_per_node};
}

const Serve* serve_of(const Program& program) {
  for (const Op& op : program.ops)
    if (const auto* serve = std::get_if<Serve>(&op.action)) return serve;
  return nullptr;
}

bool is_served(const Schedule& schedule) {
  return std::ranges::any_of(schedule.programs, [](const Program& program) { return serve_of(program) != nullptr; });
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
  } else if (const auto* serve = std::get_if<Serve>(&op.action)) {
    for (const Operand& operand : serve->update.operands) {
      if (operand.role == Role::gradients) continue;  // stands for one of the places
      reads.push_back(operand.region);
      writes.push_back(operand.region);
    }
    for (const Message& push : serve->pushes) writes.push_back(push.region);
    if (serve->unpack)
      for (const Message& pull : serve->pulls) writes.push_back(pull.region);
  } else {
    const Region region = std::get<Collective>(op.action).region;
    reads.push_back(region);
    writes.push_back(region);
  }
  return {reads, writes};
}

}  // namespace convoy
