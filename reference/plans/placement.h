/// Placement: how a tensor lies on one axis of the mesh. Where what a layer makes lies differently from what the next one needs,
/// the difference is the communication (docs/architecture.md, "Placements make the communication").
#pragma once

#include <string>
#include <vector>

#include "reference/core/box.h"
#include "reference/schedule/mesh.h"

namespace convoy {

struct Placement {
  enum class Kind : std::uint8_t {
    replicate,  ///< every rank of the axis has all of it
    shard,      ///< every rank has its part
    partial,    ///< every rank has terms of all of it, still to be added
  };
  Kind kind = Kind::replicate;
  Dim dim = Dim::batch;      ///< of a shard
  std::vector<Slice> parts;  ///< of a shard, by coordinate; they may overlap (halos)
  bool terms = false;        ///< of a shard whose parts overlap: what lies there is terms of a sum, as in the gradient of a halo

  friend bool operator==(const Placement&, const Placement&) = default;
};

Placement replicated();
Placement partial();
Placement sharded(Dim dim, std::vector<Slice> parts);

/// [0, count) in `extent` parts as even as can be.
std::vector<Slice> even_parts(std::int64_t count, int extent);
/// Every part as many times as long and as far from the start.
std::vector<Slice> scaled(std::vector<Slice> parts, std::int64_t factor);
/// Whether the placement is a shard along `dim` of which no two parts overlap.
bool is_disjoint_shard(const Placement& placement, Dim dim);
bool is_disjoint_shard(const Placement& placement);
/// Whether it is one that leaves nothing of [0, count) out, as windows with gaps between them do.
bool is_partition(const Placement& placement, std::int64_t count);

/// "Replicate", "Partial", "Shard(rows)", "Shard(rows) + halo".
std::string to_string(const Placement& placement);

/// Where a tensor lies: its placement on every axis of the mesh.
using State = std::vector<Placement>;
/// "Shard(batch), Replicate".
std::string to_string(const State& state);

/// The part of a tensor that a rank has. Two axes never divide the same direction of one tensor.
Box local_box(const Box& whole, const State& state, const std::vector<int>& coordinates);

}  // namespace convoy
