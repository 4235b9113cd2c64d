/// Volumes: how many bytes ranks send in one step, for which node, in which direction. Arithmetic on a schedule: what executors
/// count when they run it must be the same.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "reference/model/model.h"
#include "reference/schedule/schedule.h"

namespace convoy {

enum class Direction : std::uint8_t { forward, backward };

/// Stands for a node where the data are weights and their gradients.
inline constexpr int kWeights = -1;

/// One communication op, over all ranks that take part in it.
struct Communication {
  std::string name;     ///< of the op, equal on all ranks: "fc1.x.all_gather"
  std::string what;     ///< "all_gather", "exchange"
  int node = kWeights;  ///< for whom the data move
  Direction direction = Direction::forward;
  std::vector<std::int64_t> sent_bytes;  ///< by rank
};
/// In the order in which rank 0 and then the others meet them.
std::vector<Communication> communications(const Model& model, const Schedule& schedule);

/// Bytes that every rank sends.
struct Volume {
  std::vector<std::int64_t> sent_bytes;  ///< by rank
  std::vector<std::string> kinds;        ///< of communication: {"all_gather"}, {"exchange", "all_gather"}
  [[nodiscard]] std::int64_t most_bytes() const;
  [[nodiscard]] double mean_bytes() const;
  [[nodiscard]] std::int64_t total_bytes() const;
};

struct NodeVolume {
  int node = kWeights;
  Volume forward, backward;
};

/// One entry for each node of the model, in order, and a last one for weights and gradients: handing weights out is
/// forward, summing their gradients backward. Both use `elements_sent` of the collective algorithms and the regions of messages.
std::vector<NodeVolume> volumes(const Model& model, const Schedule& schedule);

}  // namespace convoy
