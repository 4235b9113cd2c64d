/// GpuWiring: how the GPUs of a node and the nodes are joined, as far as the time of a collective depends on it.
///
/// The rates that a protocol leaves of what a data sheet states are derived here, once for all machines.
#pragma once

#include <string>

namespace convoy {

/// What joins the devices of a node.
enum class GpuInterior : unsigned char {
  alone,          ///< one device
  nvlink_switch,  ///< NVSwitch: every GPU reaches every other with all of its links
  nvlink_mesh,    ///< links from GPU to GPU: the hybrid cube mesh of 8, or 4 with two links between any two
  nvlink_pairs,   ///< bridges between pairs, PCIe else
  pcie,           ///< switches or root ports only
  host,           ///< processes on the cores of a CPU
};

/// What joins nodes.
enum class FabricKind : unsigned char { none, infiniband, roce, tcp, efa, tcpx, omni_path };

struct GpuWiring {
  GpuInterior interior = GpuInterior::alone;
  int devices_per_node = 1;
  int nvlink_generation = 0;         ///< 0: none
  int nvlinks = 0;                   ///< of each GPU
  int pcie_generation = 3;           ///< of 16 lanes
  bool peer_to_peer = true;          ///< GPUs write to each other over PCIe; else through memory of the host
  bool pcie_switches = false;        ///< traffic between GPUs can turn round in a PCIe switch below the processor
  bool two_sockets = false;          ///< the node has two processors, and its GPUs hang on both
  double socket_bytes_per_s = 0;     ///< between them, see socket_rate(); 0: as PCIe
  bool in_switch_reduction = false;  ///< NVLink SHARP: the switch adds (Hopper and later)
  FabricKind fabric = FabricKind::none;
  int nics = 1;
  double nic_bytes_per_s = 0;  ///< of one, as its name says: 100 Gbit/s is 12.5e9
};

/// Bytes/s that a kernel stores over one NVLink in one direction. NVIDIA's own figures for it, from NCCL src/graph/topo.h
/// (SM60_NVLINK_BW 18.0 to SM90_NVLINK_BW 20.6; SM86: 12.0; SM100: 40.1), of 20 or 25 (14 on GA10x) on the data sheet: a packet
/// has one or two flits of header and address to eight of data. Generation 30 stands for the bridges of GA10x, 25 for those of
/// Turing, 91 and 94 for AMD's Infinity Fabric between MI250 and MI300X, of which AMD counts 48 of 64 GB/s as usable (ROCm blog
/// "Understanding RCCL Bandwidth and xGMI Performance on MI300X", 2025), and the same part is taken of the other's 50 (25 GT/s,
/// two bytes wide).
double nvlink_bytes_per_s(int generation);

/// The generation of NVLink of GPUs of a compute capability, as nvlink_bytes_per_s() counts them; 0: none.
int nvlink_generation(int compute_capability);
/// Bytes/s of one NVLink in one direction on the data sheet.
double nvlink_sheet_bytes_per_s(int generation);

/// Bytes/s of data through PCIe with 16 lanes in one direction: a transaction carries 128 or 256 bytes of data and 20 to 28 of
/// header, framing and acknowledgement: 15.75 GB/s times 128/(128+24) is 13.3, less the flow control's 10 %: 12 GB/s. It
/// doubles with the generation. (NCCL, topo.h: PCI_BW 12.0 for generation 3.)
double pcie_bytes_per_s(int generation);
/// The same from GPU to GPU through a processor, which cuts packets to 64 bytes, so that the same data takes 6/5 of the time
/// (NCCL, topo.h, INTEL_P2P_OVERHEAD); through memory of the host every byte passes the root complex twice: half.
double pcie_pair_bytes_per_s(const GpuWiring& wiring);

/// Processors by what joins two of them.
enum class Sockets : unsigned char { qpi, upi, amd, upi_2023 };
/// Bytes/s from GPU to GPU across two processors, in one direction: NVIDIA's figures, from NCCL src/graph/topo.h: Xeons up to
/// Broadwell (QPI) 6 GB/s, Skylake and Cascade Lake (UPI) 10 GB/s, Sapphire Rapids 22 GB/s, EPYC 16 GB/s (24 since Zen 3, in its
/// newest releases).
double socket_rate(Sockets sockets);
/// What was sold with GPUs of a compute capability, where nobody says which processors there are: Xeons of that time, EPYC with
/// the first GPUs on PCIe 4.0, which Xeons did not have.
Sockets sockets_sold_with(int compute_capability);

/// Bytes/s of data of one NIC. InfiniBand and RoCE: packets of 4,096 bytes of data and about 30 (58 for RoCE v2) of headers and
/// checks. TCP: 1,448 of 1,538 bytes on the wire are data. EFA and TCPX: 8,192 bytes of jumbo frames and 90 of headers. A
/// NIC on PCIe is held to what 16 lanes carry when GPU memory is read from outside: completions of 64 bytes on PCIe 3.0, each
/// with 24 of header: 64/88 of 15.75 GB/s and 10 % less for flow control. GPUs since Ampere must answer with more at once: NCCL's
/// developers count 24 GB/s for a NIC of 200 Gbit/s and 48 to 49 for one of 400 (github.com/NVIDIA/nccl-tests issues 119 and
/// 267); 256 bytes, the usual largest payload, give 25.9 and 51.8 and so leave those to the wire.
double nic_data_bytes_per_s(const GpuWiring& wiring, bool from_gpu);
/// Seconds from one process to another through the fabric, besides data: InfiniBand, RoCE and Omni-Path about 1 us through
/// verbs; TCP about 22 us through two kernels and an interrupt (netperf TCP_RR on 10 GbE: 20,000 to 25,000 round trips
/// a second); EFA and TCPX about 15 us, as their vendors state.
double fabric_latency_s(FabricKind fabric);

/// Bytes/s at which NCCL's rings go round `ranks` GPUs of one node, over all channels: what leaves each GPU.
///   switch         links times the rate of one
///   mesh of 8      8 ranks: all links; 4: those within the half, 4 of 6 on NVLink 2, 2 of 3 on NVLink 1 (K4 is no union of three
///                  directed cycles); 2: one link
///   mesh of 4      two links between any two: 6 rings for 4 ranks, 2 for 2; also of 8 MI300X, with one
///   pairs          2 ranks: the bridge; more: PCIe
///   PCIe           one ring; more ranks than hang on one of two processors: what joins those, if that is less
double ring_bytes_per_s(const GpuWiring& wiring, int ranks);

/// "8 GPUs on an NVLink switch (12 links of generation 3), 8 NICs of 25 GB/s, InfiniBand".
std::string describe(const GpuWiring& wiring);

}  // namespace convoy
