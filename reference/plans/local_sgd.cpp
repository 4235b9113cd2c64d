/// `local_sgd`: every rank trains by itself for some steps, with weights and momentum of its own; then the weights of all become
/// their mean, and the next round begins. As much computation as plan `data`, and communication only once a round.
///
///   4 ranks, rounds of 3 steps    r0  s s s |     | s s s |     |      s  a local step: forward, backward, update
///                                 r1  s s s | w:= | s s s | w:= |      w  := mean of the weights of all ranks,
///                                 r2  s s s | mean| s s s | mean|          an all-reduce in buckets, while the last backward
///                                 r3  s s s |     | s s s |     |          of a round goes on
///
///   per round and rank    all-reduce of the W weights, and of the W values of momentum where those are averaged
///   elements sent         2 W (n-1)/n a round, twice that with momentum; divided by H of a step
///
/// Plan::global_batch are the images of one step over all ranks, as in `data`: with the same batch and learning rate every rank sees
/// as many images in a step, and its gradient is the mean over them, so that the learning rate means what it means there. A schedule
/// is a round of H steps with H times the images, of which a rank's share is divided into H parts. Ranks count in the mean by
/// the images that they had, as in FedAvg, so that H = 1 is plan `data` to rounding: with plain SGD, and with momentum where
/// that is averaged or kept (a mean of momenta goes on as the momenta do, while weights are alike). `restart` saves half of the bytes
/// and forgets the momentum at the start of every round: all ranks have the same values at the end of one, as with `average`, so
/// that a checkpoint needs no more than one of each. `keep` saves as much, and every rank goes on with its own momentum, which is
/// what PyTorch's PostLocalSGDOptimizer does; checkpoints then have that of every rank.
/// The learning rate changes from round to round, and so does how slow a straggler is (schedule/stragglers.h). Running statistics of
/// BatchNorm2d are those of rank 0, as in `data`.
///
/// Sources: McMahan, Moore, Ramage, Hampson, Aguera y Arcas, "Communication-Efficient Learning of Deep Networks from Decentralized
/// Data", 2017 (FedAvg); Stich, "Local SGD Converges Fast and Communicates Little", 2019; Yu, Jin, Yang, "On the Linear Speedup
/// Analysis of Communication Efficient Momentum SGD for Distributed Non-Convex Optimization", 2019 (momentum averaged or restarted).
#include "reference/core/error.h"
#include "reference/plans/plan.h"

namespace convoy {
namespace {

constexpr int kUsualSteps = 4;

Plan make(const PlanRequest& request) {
  if (request.local.steps < 0 || request.local.steps > kMostLocalSteps)
    throw InputError(cat("plan 'local_sgd' has rounds of 1 to ", kMostLocalSteps, " steps, not of ", request.local.steps,
                         "; use another --local-steps"));
  PlanLocal local = request.local;
  if (local.steps == 0) local.steps = kUsualSteps;
  return {.name = "local_sgd",
          .mesh = {{{"data", request.ranks}}},
          .global_batch = request.global_batch,
          .batch_axis = 0,
          .local = local};
}

}  // namespace

const NamedPlan local_sgd_plan{"local_sgd", "ranks train by themselves for some steps, then their weights become the mean", make, nullptr};

}  // namespace convoy
