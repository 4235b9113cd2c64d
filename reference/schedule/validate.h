/// validate: what is wrong with a schedule, before anything runs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "reference/schedule/schedule.h"

namespace convoy {

/// A broken rule: where it shows, and a sentence for people.
struct Problem {
  int rank = -1;     ///< -1 when it concerns no rank in particular
  int op = -1;       ///< -1 when it concerns no op
  std::string rule;  ///< "structure", "missing receive", "missing send", "size mismatch", "collective mismatch", "deadlock",
                     ///< "read before write", "race", "unreduced gradient", "no mean", "memory"
  std::string sentence;
};

/// Everything that is wrong with a schedule; empty when it may run.
///
///   structure   indices and regions exist, `after` points back, every rank of the mesh has a class, ids are unique
///   matching    every message has its other half at the peer, with as many bytes; members of a collective agree
///   deadlock    a dry run, in which messages are rendezvous and collectives barriers, gets to the end
///   data        nothing is read that this iteration has not written (weights and optimiser state excepted)
///   races       no two ops touch the same elements, one of them writing, without an order between them, over two iterations
///   gradients   what an update uses has been reduced exactly once over the axis that divides the images
///   means       of local SGD: weights, and momentum, become the mean over ranks once, behind all updates
///   memory      a rank's arena fits into `device_memory_bytes`, unless that is 0
///
/// Later checks need what earlier ones hold, so the first group that finds something is the last that runs. Work is per class
/// of ranks and pair of classes; the dry run goes over all ranks, unless there are no messages but collectives and more than
/// two million ops in all, or 20,000 where every collective is one of all ranks: then one rank stands for its class, which for
/// collectives of all ranks says exactly the same.
std::vector<Problem> validate(const Schedule& schedule, std::int64_t device_memory_bytes = 0);

/// Throws std::invalid_argument with the first three problems, when there are any.
void require_valid(const Schedule& schedule);

/// "rank 1, op 4 (conv1.forward): sentence", for printing.
std::string to_string(const Schedule& schedule, const Problem& problem);

}  // namespace convoy
