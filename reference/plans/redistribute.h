/// redistribute: brings a tensor from where it lies to where it is needed. Forward and backward both use it, and nothing else
/// communicates activations.
///
///   from \ to      Replicate                              Shard
///   Partial        all-reduce                             reduce-scatter
///   Shard          all-gather                             the same: nothing; other parts or direction: exchanges
///   Replicate      nothing                                a local slice
///   terms (halo)   exchanges that add, then all-gather    exchanges that add
#pragma once

#include <functional>

#include "reference/plans/program_writer.h"

namespace convoy {

struct RedistributeSettings {
  std::string name;  ///< first part of the names of ops and buffers: "conv2.x"
  int node = -1;     ///< of the model, for whom the data moves
  BufferKind kind = BufferKind::activation;
  std::function<void()> meanwhile = {};  ///< called once, when messages are under way and nothing waits for them yet
};

/// Appends the ops that change the placement of `tensor`, a part of `whole`, one axis after the other. Packing
/// and unpacking are compute ops; a shard that already lies in one piece is used where it is.
PlacedTensor redistribute(ProgramWriter& writer, PlacedTensor tensor, const State& to, const Box& whole,
                          const RedistributeSettings& settings);

/// Whether redistribute() would append a communication op.
bool communicates(const State& from, const State& to);

}  // namespace convoy
