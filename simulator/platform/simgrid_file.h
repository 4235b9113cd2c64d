/// The platform file of SimGrid for a cluster: what `smpirun -platform` and any other program that uses SimGrid can read.
///
///     host rank0 ... rankN-1   a device each, with its peak and, where the cluster states rates, its power
///     host node0 ...           only with rates: what a node draws besides its devices
///     link <name>              as Network numbers and names them, one way; bandwidth and no latency
///     link latency0 ...        one for each latency that a route has, shared by nobody (FATPIPE)
///     route rankI -> rankJ     the links of Network::route() and the latency of Network::path(); from a rank to itself a link
///                              that takes no time to speak of
///
/// So bandwidth and latency of every route are those of Network, bit for bit. Protocols of smaller messages are not in it: SMPI
/// has options for them (network/latency-factor and its kin), and a link of SimGrid has none.
#pragma once

#include <string>

namespace convoy {

struct Cluster;

/// Ranks for which there can be a file: it lists every pair.
inline constexpr int kMostRanksInSimgridFile = 512;

/// The file, for the first `ranks` ranks of a cluster. Throws InputError where require_ranks() does and where two ranks have no
/// way to each other; LimitError for more ranks than kMostRanksInSimgridFile.
std::string to_simgrid_file(const Cluster& cluster, int ranks);

/// The host file of smpirun that puts every rank on its host: "rank0", "rank1", ..., one a line.
std::string to_simgrid_host_file(int ranks);

}  // namespace convoy
