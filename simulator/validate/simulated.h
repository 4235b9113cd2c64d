/// Predictions by the engine: schedules on the links of a row's machine, where messages share them, instead of closed forms.
///
/// The links are as fast as the wiring says that NCCL or MPI moves data over them, and every collective is our algorithm of the name
/// that the library chooses for its size (ring, tree, recursive doubling, binomial tree), with the hops and rates of NCCL's protocol,
/// and cores that add what arrives under MPI. For what the library does in another way (broadcasts as chains, split trees, sums in the
/// switch) it is the fastest of ours, choose_algorithm(). Few channels for few bytes and chunks at hops are not known there.
#pragma once

#include "simulator/engine/fidelity.h"
#include "simulator/validate/step.h"

namespace convoy {

/// One collective, or the same one of several jobs at once.
struct SimulatedCollective {
  CollectiveKind kind = CollectiveKind::all_reduce;
  double bytes = 0;
  Placing placing = {};
  Library library = Library::nccl;
  int jobs = 1;  ///< each with a rank on every node; with several, `placing` has one rank a node, and they are rings
  Usage usage = {};
};

/// Seconds until all jobs are done. Throws NotDone for several jobs of a kind without a ring.
double simulated_collective_s(const SimulatedCollective& what, const GpuWiring& wiring, Fidelity fidelity);

/// The machine on which so many ranks of a library run: what a message alone sees of its links.
Cluster cluster_of(const Placing& placing, Library library, const GpuWiring& wiring);

/// Seconds of a step of a schedule whose ranks fill the nodes one after the other, in the second of two iterations.
double simulated_step_s(const Schedule& schedule, const CostModel& cost, const Placing& placing, const GpuWiring& wiring,
                        Fidelity fidelity);

}  // namespace convoy
