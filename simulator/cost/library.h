/// Communication libraries: the time of a collective as NCCL or an MPI library carries it out, from the wiring, by formula.
///
/// NCCL: nccl_tuning.cpp reckons for every pair of algorithm and protocol what NCCL's version does, and takes the pair with the
/// least of it; nccl.cpp says what that pair then takes. Latencies of hops and parts of the bandwidth that protocols leave are
/// NVIDIA's, from NCCL's src/graph/tuning.cc.
///
/// MPI on host memory: as Open MPI 4 decides, recursive doubling for little, a ring for much, broadcasts by trees and chains of
/// segments, with the cores copying and adding. MPI on GPU memory: what adds is done so on the host, between copies out of the
/// GPU and back (Open MPI's coll/cuda); what only moves goes from GPU to GPU, little of it within a node by cores, the rest by
/// copies of the driver.
#pragma once

#include <string>

#include "reference/collectives/collective.h"
#include "simulator/cost/wiring.h"

namespace convoy {

/// The driver's part of a launch of a kernel on its host, from a profile of MXNet (github.com/apache/mxnet pull request 9055:
/// 659,205 calls of cudaLaunch in 3.18 s).
inline constexpr double kLaunch_s = 4.8e-6;

/// mpi_servers: host memory, but cores set apart add and copy (Intel MLSL), so that the wire is what counts.
enum class Library : unsigned char { nccl, mpi_host, mpi_gpu, mpi_servers };

/// How a library is used.
struct Usage {
  std::string force = "";     ///< "" or the algorithm to use: "ring" or "tree"
  bool trees = true;          ///< NCCL has them since 2.4
  int version = 0;            ///< of NCCL, 20804 is 2.8.4: what it chooses by and what a start takes; 0: the latest
  bool back_to_back = false;  ///< the time of one of many, each started without waiting for the one before, as nccl-tests does: a
                              ///< broadcast's root is done while others still pass data on, so the chain of hops counts once only
};

/// Ranks of a group: all nodes have as many.
struct Placing {
  int nodes = 1;
  int ranks_per_node = 1;
  [[nodiscard]] int ranks() const { return nodes * ranks_per_node; }
};

/// What the library is predicted to do.
struct LibraryTime {
  double time_s = 0;
  std::string choice;  ///< "ring, Simple"
};

/// Whether Usage::force changes how a library carries out a collective: NCCL has trees for all-reduces only, MPI on host memory
/// for all but an all-to-all, MPI on GPU memory for what adds.
bool takes_algorithm(Library library, CollectiveKind kind);

/// The time of a collective of `bytes` (of the whole buffer of a rank) over a group. One rank takes no time but the launch.
/// Throws InputError when the wiring cannot carry the group (several nodes without a network) and std::invalid_argument for sizes
/// below 0.
LibraryTime library_time(Library library, CollectiveKind kind, double bytes, const Placing& placing, const GpuWiring& wiring,
                         const Usage& usage = {});

/// One message between two ranks, of two nodes or of one, when `pairs` of them go at once.
double message_time_s(Library library, double bytes, bool between_nodes, int pairs, const GpuWiring& wiring);
/// The same of a stream of messages, which hides their latency: what the bytes take, and at least the host's part of issuing one.
double stream_time_s(Library library, double bytes, bool between_nodes, int pairs, const GpuWiring& wiring);

}  // namespace convoy
