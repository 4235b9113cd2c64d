#include "reference/plans/volume.h"

#include <algorithm>
#include <map>
#include <numeric>

#include "reference/core/error.h"

namespace convoy {
namespace {

/// Ops are named "<node>.<what>": what follows the name of the node whose data move, or of the one before it, which hands over.
std::string what_moves(const Model& model, const Op& op) {
  for (const int node : {op.node, op.node - 1}) {
    if (node < 0) continue;
    const std::string& name = model.nodes.at(static_cast<std::size_t>(node)).name;
    if (op.name.starts_with(name + ".")) return op.name.substr(name.size() + 1);
  }
  return op.name;
}

/// Gradients move backward: of outputs (dy), of inputs (dx), the sums of BatchNorm2d that its gradient needs, and of weights.
Direction direction_of(const Model& model, const Op& op) {
  const std::string what = what_moves(model, op);
  for (const char* gradient : {"dx", "dy", "gradient_sums", "bucket", "push"})
    if (what.starts_with(gradient)) return Direction::backward;
  return Direction::forward;
}

std::string kind_of(const Op& op) {
  if (std::holds_alternative<Serve>(op.action)) return "serve";
  const auto* collective = std::get_if<Collective>(&op.action);
  return collective == nullptr ? "exchange" : std::string(to_string(collective->kind));
}

std::int64_t sent_bytes(const Schedule& schedule, int rank, const Op& op) {
  const Program& program = schedule.program(rank);
  if (const auto* exchange = std::get_if<Exchange>(&op.action))
    return exchange->send ? region_bytes(program, exchange->send->region) : 0;
  if (const auto* serve = std::get_if<Serve>(&op.action)) {
    std::int64_t bytes = 0;
    for (const Message& pull : serve->pulls) bytes += region_bytes(program, pull.region);
    return bytes;
  }
  const auto& collective = std::get<Collective>(op.action);
  const std::int64_t elements = elements_sent_by_all_channels(collective_algorithm(collective.kind, collective.algorithm),
                                                              request_of(schedule, rank, collective));
  const Buffer& buffer = program.buffers.at(static_cast<std::size_t>(collective.region.buffer));
  return elements * size_bytes(buffer.dtype);
}

void add(Volume& volume, const Communication& communication) {
  for (std::size_t r = 0; r < volume.sent_bytes.size(); ++r) volume.sent_bytes[r] += communication.sent_bytes[r];
  if (std::find(volume.kinds.begin(), volume.kinds.end(), communication.what) == volume.kinds.end())
    volume.kinds.push_back(communication.what);
}

}  // namespace

std::vector<Communication> communications(const Model& model, const Schedule& schedule) {
  std::vector<Communication> all;
  std::map<std::string, std::size_t> known;  // names of ops are equal on all ranks
  const auto ranks = static_cast<std::size_t>(schedule.world_size());
  for (int rank = 0; rank < schedule.world_size(); ++rank) {
    for (const Op& op : schedule.program(rank).ops) {
      if (std::holds_alternative<Compute>(op.action)) continue;
      // A sum over two axes is two ops of one name.
      const auto* collective = std::get_if<Collective>(&op.action);
      const std::string key = cat(op.name, " ", collective == nullptr ? -1 : collective->axis);
      const auto [found, fresh] = known.try_emplace(key, all.size());
      if (fresh) all.push_back({op.name, kind_of(op), op.node, direction_of(model, op), std::vector<std::int64_t>(ranks, 0)});
      all[found->second].sent_bytes[static_cast<std::size_t>(rank)] += sent_bytes(schedule, rank, op);
    }
  }
  return all;
}

std::int64_t Volume::most_bytes() const {
  return sent_bytes.empty() ? 0 : *std::max_element(sent_bytes.begin(), sent_bytes.end());
}
std::int64_t Volume::total_bytes() const { return std::accumulate(sent_bytes.begin(), sent_bytes.end(), std::int64_t{0}); }
double Volume::mean_bytes() const {
  return sent_bytes.empty() ? 0 : static_cast<double>(total_bytes()) / static_cast<double>(sent_bytes.size());
}

std::vector<NodeVolume> volumes(const Model& model, const Schedule& schedule) {
  const Volume none{std::vector<std::int64_t>(static_cast<std::size_t>(schedule.world_size()), 0), {}};
  std::vector<NodeVolume> result;
  for (int node = 0; node < static_cast<int>(model.nodes.size()); ++node) result.push_back({node, none, none});
  result.push_back({kWeights, none, none});
  for (const Communication& communication : communications(model, schedule)) {
    NodeVolume& entry = communication.node == kWeights ? result.back() : result.at(static_cast<std::size_t>(communication.node));
    add(communication.direction == Direction::forward ? entry.forward : entry.backward, communication);
  }
  return result;
}

}  // namespace convoy
