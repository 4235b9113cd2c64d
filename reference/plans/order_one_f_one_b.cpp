/// `1f1b`: as soon as a micro-batch has gone forward through the last stage it goes backward, and from then on every rank does one
/// forward, one backward (Narayanan et al., "PipeDream", 2019; without its old weights: every step ends before the next begins).
///
///   4 ranks, 6 micro-batches:
///
///   rank 0  F0 F1 F2 F3 .  .  .  .  .  .  B0 .. F4 B1 .. F5 B2 .. .  B3 .. .  B4 .. .  B5 ..
///   rank 1  .  F0 F1 F2 .  .  .  .  B0 .. F3 B1 .. F4 B2 .. F5 B3 .. .  B4 .. .  B5 ..
///   rank 2  .  .  F0 F1 .  .  B0 .. F2 B1 .. F3 B2 .. F4 B3 .. F5 B4 .. .  B5 ..
///   rank 3  .  .  .  F0 B0 .. F1 B1 .. F2 B2 .. F3 B3 .. F4 B4 .. F5 B5 ..
///
///   activations   of at most p - r micro-batches at rank r of p, however many there are
///   bubble        (p-1) of m+p-1 parts, as gpipe: what changes is the memory
#include <algorithm>

#include "reference/core/error.h"
#include "reference/plans/pipeline.h"

namespace convoy {
namespace {

PipelineTable make(const PipelineShape& shape) {
  if (shape.stages_per_rank != 1)
    throw InputError(cat("order '1f1b' has one stage on each rank, not ", shape.stages_per_rank,
                         "; use --stages-per-rank 1 or --order interleaved"));
  PipelineTable table(static_cast<std::size_t>(shape.ranks));
  for (int rank = 0; rank < shape.ranks; ++rank) {
    std::vector<PipelineAction>& row = table[static_cast<std::size_t>(rank)];
    const int ahead = std::min(shape.ranks - rank - 1, shape.micro_batches);
    for (int m = 0; m < ahead; ++m) row.push_back({false, rank, m});
    for (int m = 0; m < shape.micro_batches; ++m) {
      if (m + ahead < shape.micro_batches) row.push_back({false, rank, m + ahead});
      row.push_back({true, rank, m});
    }
  }
  return table;
}

double bubble(const PipelineShape& shape) {
  return static_cast<double>(shape.ranks - 1) / (shape.micro_batches + shape.ranks - 1);
}

}  // namespace

const PipelineOrder one_f_one_b_order{"1f1b", "one forward, one backward: few activations at a time", make, bubble};

}  // namespace convoy
