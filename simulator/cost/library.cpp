#include "simulator/cost/library.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "reference/core/error.h"
#include "reference/core/units.h"
#include "simulator/cost/host_adding.h"
#include "simulator/cost/nccl.h"

namespace convoy {
namespace {

// One core of a server of these years, moving data that is in no cache: a copy reads and writes (and the receiver of a
// shared-memory message copies twice, in and out of a buffer between, or once with the kernel's help): about 5 GB/s of data;
// adding reads two and writes one: about 4 GB/s of data. (STREAM on one core: 10 to 13 GB/s of traffic.)
constexpr double kCopy_bytes_per_s = 5 * GB;
constexpr double kAdd_bytes_per_s = 4 * GB;
constexpr double kSharedMemory_s = 0.4 * us;  ///< a small message between cores: two cache misses each way and MPI's matching
constexpr double kReduceCall_s = 0.3 * us;    ///< finding the operation and its loop: some hundred cycles of a library call
constexpr double kGpuCopy_s = 10 * us;        ///< cudaMemcpy of little, with its synchronisation
/// UCX, below Open MPI, copies messages through buffers of 8 KiB at both ends (UCX_RC_SEG_SIZE 8256, UCX_MM_SEG_SIZE 8256) as
/// long as the sender does not ask the receiver first; a blocking MPI_Send asks from 256 KiB on (UCX_RNDV_SEND_NBR_THRESH).
constexpr double kSegment = 8 * KiB;
constexpr double kRendezvous = 256 * KiB;
/// Between a core and memory of a GPU that is mapped to it, by the table in gdrcopy's README (P100): a core reads with 1.75 us
/// and 0.55 GB/s, because nothing is fetched ahead, and writes with 0.1 us and 10 GB/s. UCX moves little between GPUs of a node
/// so.
constexpr double kMappedRead_s = 1.75 * us;
constexpr double kMappedRead_bytes_per_s = 0.55 * GB;
constexpr double kMappedWrite_s = 0.1 * us;
constexpr double kMappedWrite_bytes_per_s = 10 * GB;
/// What a core needs to issue a message of a stream: UCX states 0.4 us for a write to a GPU (gdr_copy_iface.c, LAT put); half of
/// it is assumed for one from memory of the host.
constexpr double kIssue_s = 0.2 * us;
constexpr double kGpuIssue_s = 0.4 * us;
/// Copies between a GPU and pageable memory pass through a pinned buffer of the driver, which a core fills: the core's copy and
/// the PCIe transfer one after the other, 1/(1/5 + 1/12) = 3.5 GB/s. Two GPUs below a PCIe switch share its way up.
double pageable_bytes_per_s(const GpuWiring& wiring, int ranks_per_node) {
  const double lanes = pcie_bytes_per_s(wiring.pcie_generation) / (wiring.pcie_switches && ranks_per_node > 1 ? 2 : 1);
  return 1 / (1 / kCopy_bytes_per_s + 1 / lanes);
}

/// Into the buffer at one end, out of it at the other; what is larger than one goes over the wire meanwhile.
double eager_copies_s(double bytes, FabricKind fabric) {
  return fabric == FabricKind::tcp || bytes >= kRendezvous ? 0.0 : 2 * std::min(bytes, kSegment) / kCopy_bytes_per_s;
}

/// One message of the MPI library on host memory while every rank of a node sends one; `far` of them leave the node. Within it
/// the sender copies into a buffer and the receiver out of it; where all send and receive, each core does both.
double host_message_s(double bytes, int far, const GpuWiring& wiring) {
  if (far == 0) return kSharedMemory_s + 2 * bytes / kCopy_bytes_per_s;
  const double share = wiring.nics * nic_data_bytes_per_s(wiring, false) / far;
  // TCP is copied by the kernel at both ends, each end on its own core: the slower of copy and wire.
  const double wire = wiring.fabric == FabricKind::tcp ? std::min(share, kCopy_bytes_per_s) : share;
  return fabric_latency_s(wiring.fabric) + eager_copies_s(bytes, wiring.fabric) + bytes / wire;
}

double host_ring_s(CollectiveKind kind, double bytes, const Placing& placing, const GpuWiring& wiring) {
  const int n = placing.ranks();
  const double part = bytes / n;
  const double step = std::max(placing.nodes > 1 ? host_message_s(part, 1, wiring) : 0.0,
                               placing.ranks_per_node > 1 ? host_message_s(part, 0, wiring) : 0.0);
  const double adding = is_reduction(kind) ? (n - 1) * host_adding_s(part) : 0.0;
  return (kind == CollectiveKind::all_reduce ? 2 : 1) * (n - 1) * step + adding;
}

/// log2 n rounds, each of all bytes; the last ones between nodes, where all ranks of a node share its NICs.
double host_doubling_s(CollectiveKind kind, double bytes, const Placing& placing, const GpuWiring& wiring) {
  const bool all = kind == CollectiveKind::all_reduce || kind == CollectiveKind::all_gather;
  const double near = std::ceil(std::log2(placing.ranks_per_node)) * host_message_s(bytes, 0, wiring);
  const double far = placing.nodes == 1
                         ? 0.0
                         : std::ceil(std::log2(placing.nodes)) * host_message_s(bytes, all ? placing.ranks_per_node : 1, wiring);
  const double adding = is_reduction(kind) ? std::ceil(std::log2(placing.ranks())) * host_adding_s(bytes) : 0.0;
  return near + far + adding;
}

/// What a broadcast takes by the decisions of Open MPI 4 (ompi/mca/coll/tuned/coll_tuned_decision_fixed.c), for messages of
/// whatever kind: `message_s` of so many bytes to the next rank, `send_s` the sender's part of it.
///   below 2 KiB   binomial tree
///   split binary  the root hands out all segments, half of them to each side, and the sides exchange their halves in the end
///   pipeline      a chain of all ranks
LibraryTime open_mpi_broadcast(double bytes, const Placing& placing, const std::function<double(double)>& message_s,
                               const std::function<double(double)>& send_s) {
  const int n = placing.ranks();
  const double depth = std::ceil(std::log2(n));
  const auto split_binary = [&](double segment) {
    return LibraryTime{bytes / segment * send_s(segment) + depth * message_s(segment) + message_s(bytes / 2),
                       "split binary tree"};
  };
  const auto pipeline = [&](double segment) {
    return LibraryTime{(n - 2 + std::ceil(bytes / segment)) * message_s(std::min(segment, bytes)), "pipeline"};
  };
  if (bytes < 2048) return {depth * message_s(bytes), "binomial tree"};
  if (bytes < 370728) return split_binary(1 * KiB);
  if (n < 1.6134e-6 * bytes + 2.1102) return pipeline(128 * KiB);
  if (n < 13) return split_binary(8 * KiB);
  if (n < 2.3679e-6 * bytes + 1.1787) return pipeline(64 * KiB);
  if (n < 3.2118e-6 * bytes + 8.7936) return pipeline(16 * KiB);
  return pipeline(8 * KiB);
}

LibraryTime host_time(CollectiveKind kind, double bytes, const Placing& placing, const GpuWiring& wiring, const Usage& usage) {
  if (kind == CollectiveKind::broadcast && usage.force.empty()) {
    const auto slowest_s = [&](double of_bytes) {
      return std::max(placing.nodes > 1 ? host_message_s(of_bytes, 1, wiring) : 0.0,
                      placing.ranks_per_node > 1 ? host_message_s(of_bytes, 0, wiring) : 0.0);
    };
    return open_mpi_broadcast(bytes, placing, slowest_s,
                              [](double of_bytes) { return kSharedMemory_s + of_bytes / kCopy_bytes_per_s; });
  }
  const LibraryTime doubling{host_doubling_s(kind, bytes, placing, wiring), "recursive doubling"};
  const LibraryTime ring{host_ring_s(kind, bytes, placing, wiring), "ring"};
  if (usage.force == "ring") return ring;
  if (usage.force == "tree") return doubling;
  // Open MPI 4 takes the ring from 10,000 bytes on, whatever the number of ranks (coll_tuned_decision_fixed.c).
  if (kind == CollectiveKind::all_reduce) return bytes < 10000 ? doubling : ring;
  return ring.time_s < doubling.time_s ? ring : doubling;
}

/// A library with cores of its own: a ring whose steps take what the wire takes.
LibraryTime servers_time(CollectiveKind kind, double bytes, const Placing& placing, const GpuWiring& wiring) {
  const int n = placing.ranks();
  const double step = placing.nodes > 1 ? host_message_s(bytes / n, 1, wiring) : host_message_s(bytes / n, 0, wiring);
  return {(kind == CollectiveKind::all_reduce ? 2 : 1) * (n - 1) * step, "ring"};
}

/// Only moving, from GPU to GPU.
LibraryTime gpu_moving_time(CollectiveKind kind, double bytes, const Placing& placing, const GpuWiring& wiring) {
  const auto hop = [&](double of_bytes) {
    return std::max(placing.nodes > 1 ? message_time_s(Library::mpi_gpu, of_bytes, true, 1, wiring) : 0.0,
                    placing.ranks_per_node > 1 ? message_time_s(Library::mpi_gpu, of_bytes, false, 1, wiring) : 0.0);
  };
  if (kind == CollectiveKind::broadcast) return open_mpi_broadcast(bytes, placing, hop, hop);
  return {(placing.ranks() - 1) * hop(bytes / placing.ranks()), "ring"};
}

/// Every rank sends a part to every other. NCCL sends all at once (a group of sends and receives), MPI to one after the other.
LibraryTime exchange_time(Library library, double bytes, const Placing& placing, const GpuWiring& wiring) {
  const int n = placing.ranks();
  const double part = bytes / n;
  const bool gpu = library == Library::nccl || library == Library::mpi_gpu;
  const double near_rate = gpu ? ring_bytes_per_s(wiring, placing.ranks_per_node) : kCopy_bytes_per_s;
  const double near_s = part * (placing.ranks_per_node - 1) / near_rate;
  const double far_bytes = part * (n - placing.ranks_per_node) * placing.ranks_per_node;
  const double far_s = placing.nodes > 1 ? far_bytes / (wiring.nics * nic_data_bytes_per_s(wiring, gpu)) : 0.0;
  const double start_s = message_time_s(library, 0, placing.nodes > 1, 1, wiring);
  return {(library == Library::nccl ? 1 : n - 1) * start_s + std::max(near_s, far_s),
          library == Library::nccl ? "at once" : "pairwise"};
}

}  // namespace

bool takes_algorithm(Library library, CollectiveKind kind) {
  switch (library) {
    case Library::nccl: return kind == CollectiveKind::all_reduce;
    case Library::mpi_host: return kind != CollectiveKind::all_to_all;
    case Library::mpi_gpu: return is_reduction(kind);
    case Library::mpi_servers: return false;
  }
  return false;
}

LibraryTime library_time(Library library, CollectiveKind kind, double bytes, const Placing& placing, const GpuWiring& wiring,
                         const Usage& usage) {
  require(bytes >= 0 && placing.nodes >= 1 && placing.ranks_per_node >= 1, "library_time", "bytes ", bytes, " over ",
          placing.nodes, " nodes of ", placing.ranks_per_node);
  if (placing.nodes > 1 && (wiring.fabric == FabricKind::none || !(wiring.nic_bytes_per_s > 0)))
    throw InputError(cat(placing.nodes, " nodes without a network between them"));
  if (kind == CollectiveKind::all_to_all && placing.ranks() > 1) return exchange_time(library, bytes, placing, wiring);
  if (library == Library::nccl) return nccl_time(kind, bytes, placing, wiring, usage);
  if (placing.ranks() == 1) return {kSharedMemory_s, "nothing to do"};
  if (library == Library::mpi_servers) return servers_time(kind, bytes, placing, wiring);
  if (library == Library::mpi_gpu && !is_reduction(kind)) return gpu_moving_time(kind, bytes, placing, wiring);
  LibraryTime time = host_time(kind, bytes, placing, wiring, usage);
  if (library == Library::mpi_gpu) {
    time.time_s += 2 * gpu_copy_s(bytes, placing.ranks_per_node, wiring);
    time.choice += " on the host";
  }
  return time;
}

double host_adding_s(double bytes) { return bytes / kAdd_bytes_per_s + kReduceCall_s; }

double gpu_copy_s(double bytes, int ranks_per_node, const GpuWiring& wiring) {
  return kGpuCopy_s + bytes / pageable_bytes_per_s(wiring, ranks_per_node);
}

namespace {

/// Of one of so many pairs of ranks in two nodes. A large message in host memory is cut over two NICs (UCX,
/// UCX_MAX_RNDV_RAILS=2); a smaller one, and one in a GPU's memory, goes over the nearest only.
double far_bytes_per_s(Library library, double bytes, int pairs, const GpuWiring& wiring) {
  const bool gpu = library == Library::nccl || library == Library::mpi_gpu;
  const int rails = gpu || wiring.fabric == FabricKind::tcp || bytes < kRendezvous ? 1 : 2;
  return std::min(pairs * rails, wiring.nics) * nic_data_bytes_per_s(wiring, gpu) / pairs;
}

}  // namespace

double message_time_s(Library library, double bytes, bool between_nodes, int pairs, const GpuWiring& wiring) {
  require(pairs >= 1, "message_time_s", "pairs must be at least 1, got ", pairs);
  const bool gpu = library == Library::nccl || library == Library::mpi_gpu;
  if (!between_nodes) {
    if (!gpu) return host_message_s(bytes, 0, wiring);
    const double wire_s = bytes / ring_bytes_per_s(wiring, 2);
    if (library == Library::nccl) return 8.4 * us + wire_s;  // a kernel
    // The cores move it, or the driver copies from GPU to GPU: UCX takes what it reckons to be faster.
    const double cores_s =
        kSharedMemory_s + kMappedRead_s + bytes / kMappedRead_bytes_per_s + kMappedWrite_s + bytes / kMappedWrite_bytes_per_s;
    return std::min(cores_s, kGpuCopy_s + wire_s);
  }
  // GPU memory is reached over PCIe, there and back; NCCL starts a kernel, and its proxies pass a chunk on.
  const double start_s = library == Library::nccl ? 8.4 * us + nccl_hop_s(wiring, {2, 1}, true)
                                                  : fabric_latency_s(wiring.fabric) + (gpu ? 1.5 * us : 0.0);
  const double copies_s = gpu ? 0.0 : eager_copies_s(bytes, wiring.fabric);
  return start_s + copies_s + bytes / far_bytes_per_s(library, bytes, pairs, wiring);
}

double stream_time_s(Library library, double bytes, bool between_nodes, int pairs, const GpuWiring& wiring) {
  require(pairs >= 1, "stream_time_s", "pairs must be at least 1, got ", pairs);
  const bool gpu = library == Library::nccl || library == Library::mpi_gpu;
  const double rate = between_nodes ? far_bytes_per_s(library, bytes, pairs, wiring)
                      : gpu         ? ring_bytes_per_s(wiring, 2)
                                    : kCopy_bytes_per_s / 2;
  const double issue_s = library == Library::nccl ? kLaunch_s : gpu ? kGpuIssue_s : kIssue_s;
  return std::max(issue_s, bytes / rate);
}

}  // namespace convoy
