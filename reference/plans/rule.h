/// Rule: how the work of one node is divided along one axis of the mesh, and what follows from that for what lies where.
///
///   rule      weights              input                output            given dy          dx                  dw
///   replicate Replicate            Replicate            Replicate         Replicate         Replicate           Replicate
///   batch     Replicate            Shard(batch)         Shard(batch)      Shard(batch)      Shard(batch)        Partial
///   filter    Shard(filters)       Replicate            Shard(channels)   Shard(channels)   Partial             as the weights
///   channel   Shard(input channels) Shard(channels)     Partial           Replicate         Shard(channels)     as the weights
///   channels  as the channels      Shard(channels)      Shard(channels)   Shard(channels)   Shard(channels)     as the weights
///   grouped   Shard(groups)        Shard(channels)      Shard(channels)   Shard(channels)   Shard(channels)     as the weights
///   spatial   Replicate            Shard(rows) + halo   Shard(rows)       Shard(rows)       rows + halo, terms  Partial
///   root      Replicate            Shard(batch), all of it at coordinate 0; the rest as `batch`
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "reference/model/model.h"
#include "reference/plans/placement.h"

namespace convoy {

enum class Rule : std::uint8_t { replicate, batch, filter, channel, channels, grouped, spatial, root };
std::string_view to_string(Rule rule);
/// The inverse; an InputError names the nearest.
Rule parse_rule(std::string_view name);

/// What a rule says about one node on one axis.
struct NodePlacement {
  std::vector<Placement> inputs;   ///< what forward needs
  Placement made;                  ///< the output as forward makes it
  Placement given_dy;              ///< what backward needs
  std::vector<Placement> dx;       ///< the gradients of the inputs as backward makes them
  Placement weight;                ///< of filters [K,C,R,S]: batch means K, channels C; of BatchNorm2d's weight: channels
  Placement bias;                  ///< of [1,K,1,1]: channels
  bool weights_partial = false;    ///< dw and db are terms of a sum over the axis
  bool different_samples = false;  ///< ranks have different images: statistics of their own, unless they are synchronised
};

/// Everything about a node that its placement depends on.
struct NodeGeometry {
  const Node& node;
  std::vector<Shape> inputs;
  Shape output;
  std::vector<Placement> producers;  ///< how the outputs it reads lie on this axis; channel shards are taken as they are
};

/// Throws an InputError that names the node and what to do instead when the rule makes no sense for the layer, or when there are
/// more ranks on the axis than there are things to divide.
NodePlacement placement_of(const NodeGeometry& geometry, Rule rule, int extent);

/// The most ranks among which a rule can divide a node, 0 when it cannot at all.
int most_ranks(const NodeGeometry& geometry, Rule rule);

/// Rows of the input that a window needs for these rows of the output, without padding. Throws nothing; 0 rows need 0.
Slice rows_needed(const Window& window, const Slice& output_rows, int input_rows);
/// The same for a layer that slides_over_rows().
Slice rows_needed(const Layer& layer, const Slice& output_rows, int input_rows);
/// Whether an output row needs several rows of the input: convolutions and poolings but the global one.
bool slides_over_rows(const Layer& layer);

}  // namespace convoy
