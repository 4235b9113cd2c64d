/// A cluster as the communication libraries see it.
#pragma once

#include "simulator/cost/library.h"
#include "simulator/platform/cluster.h"

namespace convoy {

/// What carries collectives on a cluster: NCCL where the devices are GPUs of our table, else an MPI library on memory of the
/// host.
Library library_of(const Cluster& cluster);

/// How the devices of the cluster's first kind of node and its nodes are joined. Links count by their bandwidth, NVLinks in
/// pieces of the data sheet's. What a cluster file does not say is taken from what it does: a fabric is TCP where a NIC's latency
/// is 15 us or more, or where name or description call it Ethernet, else InfiniBand; a link between devices that is slower than
/// one NVLink and a PCIe of 16 lanes are PCIe.
GpuWiring wiring_of(const Cluster& cluster);

/// The time of a collective of `bytes` (the whole buffer of a rank) over these devices of the cluster, as library_of() carries it
/// out. The devices count by how many of them every node has. NICs that others use at the same time are not shared. Throws
/// InputError when the library has no such collective or the cluster no network.
LibraryTime library_time_on(const Cluster& cluster, CollectiveKind kind, double bytes, const std::vector<int>& devices,
                            const Usage& usage = {});

}  // namespace convoy
