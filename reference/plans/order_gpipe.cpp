/// `gpipe`: all micro-batches forward, then all backward (Huang et al., "GPipe", 2019).
///
///   4 ranks, 4 micro-batches, backward twice as long:
///
///   rank 0  F0 F1 F2 F3 .  .  .  .  .  .  .  .  .  B3 .. B2 .. B1 .. B0 ..
///   rank 1  .  F0 F1 F2 F3 .  .  .  .  .  .  B3 .. B2 .. B1 .. B0 ..
///   rank 2  .  .  F0 F1 F2 F3 .  .  .  B3 .. B2 .. B1 .. B0 ..
///   rank 3  .  .  .  F0 F1 F2 F3 B3 .. B2 .. B1 .. B0 ..
///
///   activations   of all m micro-batches at every rank
///   bubble        (p-1) of m+p-1 parts, p ranks: one pass of the pipeline more in each direction
#include "reference/core/error.h"
#include "reference/plans/pipeline.h"

namespace convoy {
namespace {

PipelineTable make(const PipelineShape& shape) {
  if (shape.stages_per_rank != 1)
    throw InputError(cat("order 'gpipe' has one stage on each rank, not ", shape.stages_per_rank,
                         "; use --stages-per-rank 1 or --order interleaved"));
  PipelineTable table(static_cast<std::size_t>(shape.ranks));
  for (int rank = 0; rank < shape.ranks; ++rank) {
    std::vector<PipelineAction>& row = table[static_cast<std::size_t>(rank)];
    for (int m = 0; m < shape.micro_batches; ++m) row.push_back({false, rank, m});
    for (int m = shape.micro_batches; m-- > 0;) row.push_back({true, rank, m});
  }
  return table;
}

double bubble(const PipelineShape& shape) {
  return static_cast<double>(shape.ranks - 1) / (shape.micro_batches + shape.ranks - 1);
}

}  // namespace

const PipelineOrder gpipe_order{"gpipe", "all micro-batches forward, then all backward", make, bubble};

}  // namespace convoy
