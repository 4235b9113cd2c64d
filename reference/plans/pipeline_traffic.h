/// PipelineTraffic: the messages of a pipeline's step, in the order in which they are sent, and what every rank can be sure of.
///
/// Note [order of receiving]: messages from one rank to another in one direction of the network share a stream at both ends, and a
/// stream runs in order. So both ends need one order, and it is that of the sender: a rank takes in what is sent first even if it
/// uses it last, as the input of a skip over several of its stages. Nobody waits longer for that: what is used was sent later.
///
/// Note [sends that are sure to have ended]: a buffer that was sent can be used again when the message has been taken in, and the
/// sender knows that only by what it hears later. Rank r that begins B3 has the gradient of rank r+1, which must have had F3. So
/// that the memory of the one can be used for the other, the op of B3 comes `after` the message of F3. Clocks of how much of the
/// table every rank knows to be done (Mattern 1989) say which sends those are; none of these orders makes anybody wait.
#pragma once

#include <map>
#include <tuple>
#include <vector>

#include "reference/plans/stages.h"

namespace convoy {

struct PipelineMessage {
  int edge = 0;  ///< index into the edges
  bool backward = false;
  int micro_batch = 0;
  int from_place = 0;  ///< sent behind this entry of the sender's row
  int to_place = 0;    ///< used by this entry of the receiver's row
};

struct PipelineTraffic {
  using Lane = std::tuple<int /*from*/, int /*to*/, bool /*backward*/>;
  std::map<Lane, std::vector<PipelineMessage>> lanes;  ///< ranks of the axis; in the order of sending
  /// [rank][place][other]: entries of other's row that have been done for sure when this one begins.
  std::vector<std::vector<std::vector<int>>> known;
};

/// The table must be one that check_table() finds nothing in.
PipelineTraffic traffic_of(const PipelineTable& table, const PipelineShape& shape, const std::vector<PipelineEdge>& edges);

}  // namespace convoy
