/// `sharded_optimizer`: plan `data`, and no rank keeps what another one keeps already (ZeRO). The weights are divided, bucket by
/// bucket, into an equal part for every rank, which sums the gradients of its part, has the momentum of it and updates it.
///
///   stage   a rank keeps, of W weights on n ranks             in a step                           elements sent, (n-1)/n of
///   0       weights W, gradients W, momentum W                all-reduce of gradients             2 W   (plan data)
///   1       weights W, gradients W, momentum W/n              reduce-scatter, all-gather of       2 W
///   2       weights W, gradients 2 buckets, momentum W/n      weights behind the update           2 W
///   3       weights W/n and 2 buckets, gradients 2 buckets,   all-gather before forward and       3 W
///           momentum W/n                                      again before backward, reduce-scatter
///
/// Stages 2 and 3 let go of the gradients of a bucket when they have been summed and used, stage 3 also of its weights. While one
/// bucket is computed with, another is on its way, so two are there at a time; without overlap it is one.
///
/// Source: Rajbhandari, Rasley, Ruwase, He, "ZeRO: Memory Optimizations Toward Training Trillion Parameter Models", 2020.
#include "reference/core/error.h"
#include "reference/plans/plan.h"

namespace convoy {
namespace {

Plan make(const PlanRequest& request) {
  const int stage = request.zero == 0 ? 1 : request.zero;
  if (stage < 1 || stage > 3)
    throw InputError(cat("plan 'sharded_optimizer' has stages 1, 2 and 3, not ", stage, "; use --zero 1, 2 or 3"));
  return {.name = "sharded_optimizer",
          .mesh = {{{"data", request.ranks}}},
          .global_batch = request.global_batch,
          .batch_axis = 0,
          .zero = stage};
}

}  // namespace

const NamedPlan sharded_optimizer_plan{"sharded_optimizer",
                                       "plan data with momentum, gradients and weights divided among ranks (ZeRO 1 to 3)", make,
                                       nullptr};

}  // namespace convoy
