/// `interleaved`: 1f1b with v stages on each rank, so that a micro-batch goes round the ranks v times. A stage is a v-th as long, and
/// so is what a rank waits for at both ends of the step (Narayanan et al., "Efficient Large-Scale Language Model Training on GPU
/// Clusters Using Megatron-LM", 2021, section 2.2).
///
///   2 ranks, 2 stages each, 4 micro-batches, entries with their stage:
///
///   rank 0  0F0 0F1 2F0 2F1 0F2 .   2B0 ..  0F3 2B1 ..  2F2 0B0 ..  2F3 0B1 ..  .   2B2 ..  .   2B3 ..  0B2 ..  0B3 ..
///   rank 1  .   1F0 1F1 3F0 3B0 ..  3F1 3B1 ..  1F2 1B0 ..  1F3 1B1 ..  3F2 3B2 ..  3F3 3B3 ..  1B2 ..  1B3 ..
///
///   Forward number k of a rank is micro-batch (k / pv) p + k mod p through its stage number (k mod pv) / p: p micro-batches through
///   one stage, then the same through the next. Backward counts the same way, from the last stage to the first. Rank r of p is
///   2 (p-1-r) + (v-1) p forwards ahead.
///
///   activations   of at most (v-1) p + 2 (p-1-r) + 1 stages at rank r, each a v-th of a rank's layers
///   bubble        (p-1) of mv+p-1 parts; messages v times as many
#include <algorithm>

#include "reference/core/error.h"
#include "reference/plans/pipeline.h"

namespace convoy {
namespace {

PipelineAction number(const PipelineShape& shape, int rank, int k, bool backward) {
  const int round = shape.ranks * shape.stages_per_rank;
  const int chunk = k % round / shape.ranks;
  return {backward, (backward ? shape.stages_per_rank - 1 - chunk : chunk) * shape.ranks + rank,
          k / round * shape.ranks + k % shape.ranks};
}

PipelineTable make(const PipelineShape& shape) {
  if (shape.micro_batches % shape.ranks != 0) {
    const int rounds = shape.micro_batches / shape.ranks;
    throw InputError(cat("order 'interleaved' sends micro-batches in groups of ", shape.ranks, ", one for each rank, and ",
                         shape.micro_batches, " cannot be divided so; use --micro-batches ",
                         rounds > 0 ? cat(rounds * shape.ranks, " or ") : "", (rounds + 1) * shape.ranks));
  }
  const int all = shape.micro_batches * shape.stages_per_rank;
  PipelineTable table(static_cast<std::size_t>(shape.ranks));
  for (int rank = 0; rank < shape.ranks; ++rank) {
    std::vector<PipelineAction>& row = table[static_cast<std::size_t>(rank)];
    const int ahead = std::min(2 * (shape.ranks - rank - 1) + (shape.stages_per_rank - 1) * shape.ranks, all);
    for (int k = 0; k < ahead; ++k) row.push_back(number(shape, rank, k, false));
    for (int k = 0; k < all; ++k) {
      if (k + ahead < all) row.push_back(number(shape, rank, k + ahead, false));
      row.push_back(number(shape, rank, k, true));
    }
  }
  return table;
}

double bubble(const PipelineShape& shape) {
  return static_cast<double>(shape.ranks - 1) / (shape.micro_batches * shape.stages_per_rank + shape.ranks - 1);
}

}  // namespace

const PipelineOrder interleaved_order{"interleaved", "1f1b with several stages a rank: a shorter bubble, more messages", make,
                                      bubble};

}  // namespace convoy
