/// One rank of a schedule whose ranks all do the same at the same time: its streams, ops and collectives, by formula.
///
/// A data-parallel step on 1,000 GPUs is one program; nothing is gained by walking it 1,000 times. Where ranks have programs of
/// their own (parts of a layer that are not even), the one with the most compute stands for all: the others wait for it.
#pragma once

#include <functional>

#include "reference/schedule/ideal.h"
#include "simulator/cost/library.h"

namespace convoy {

/// What one step takes once steps follow each other.
struct StepTime {
  double step_s = 0;
  double compute_s = 0;        ///< on the compute stream, or what the host needs to issue it, if that is longer
  double forward_s = 0;        ///< of compute_s
  double backward_s = 0;       ///< of compute_s
  double convolution_s = 0;    ///< of compute_s: nodes that `is_convolution` names
  double communication_s = 0;  ///< sum of all communication ops, hidden or not
  [[nodiscard]] double exposed_s() const { return step_s > compute_s ? step_s - compute_s : 0; }
};

/// The host that issues the ops of one GPU. It runs ahead of the GPU, which waits only where kernels are shorter than the host
/// needs for them: a step takes what the slower of the two needs.
struct IssuingHost {
  double issue_s = 0;   ///< of an op: the framework's way to it, and the driver's launch
  double update_s = 0;  ///< of the updates of all learned tensors of a step, where a framework issues them one by one
  double pack_s = 0;    ///< of copying all gradients of a step into one buffer and back, tensor by tensor
  int segment = 0;      ///< ops after each of which the host waits for the GPU; 0: it never does
  bool waits = false;   ///< for the GPU at every collective, as programs do that time their communication or call MPI
};

/// The ranks of a cluster in order, as many on every node, and what joins them.
struct Machine {
  GpuWiring wiring;
  int ranks_per_node = 1;
  Library library = Library::nccl;
  Usage usage = {};
  /// The part of the GPU that communication takes from compute ops beside it: NCCL runs a block on a multiprocessor for every
  /// channel.
  double occupied = 0;
  IssuingHost host = {};
};

/// Seconds of a step. Collectives of groups that share a node's NICs each get their part of them. Throws std::invalid_argument
/// for an empty schedule and InputError when the machine cannot carry it.
StepTime representative_step(const Schedule& schedule, const CostModel& cost, const Machine& machine,
                             const std::function<bool(int node)>& is_convolution = {});

/// The part of a GPU's multiprocessors that NCCL's channels hold while they run: two for each ring on NVLink, two for PCIe or
/// each NIC.
double occupied_part(const GpuWiring& wiring, int sms);

}  // namespace convoy
