/// Interior: what joins the devices, NICs and processors inside a node. wiring.cpp has the table of wirings, interior.cpp the routes.
#pragma once

#include <string>
#include <vector>

#include "reference/collectives/collective.h"

namespace convoy {

/// Whether two links have the same latency and bandwidth.
bool same(const LinkModel& a, const LinkModel& b);

/// PCI Express inside a node: a processor (socket) has PCIe switches below it, and those have the devices; in order and evenly.
///
///     socket 0 ------------- socket 1
///      /     \                /     \      ports of the switches and devices have `link`, sockets `socket_link`
///   switch0  switch1      switch2  switch3
///   /  \      /  \         /  \      /  \  .
///  gpu0 gpu1 gpu2 gpu3  gpu4 gpu5 gpu6 gpu7     NICs hang like devices, evenly over the switches
struct Pcie {
  LinkModel link{0, 0};         ///< of a device's port; latency from one device to another. bandwidth 0: no PCIe is modelled
  LinkModel socket_link{0, 0};  ///< between two sockets; its latency is added to the other
  int sockets = 1;
  int switches_per_socket = 0;  ///< 0: devices hang at the sockets
  [[nodiscard]] bool present() const { return link.bandwidth_bytes_per_s > 0; }
  friend bool operator==(const Pcie& a, const Pcie& b);
};

/// Inside one kind of node. Bandwidths are one way, latencies from end to end.
struct Interior {
  int devices = 1;
  std::string wiring = "switch";  ///< a name of wiring_table()
  LinkModel link{0, 0};           ///< of a device to the switch; of one of the links between two devices
  int links_per_pair = 1;         ///< all_pairs and pairs: links between two devices that are joined
  Pcie pcie;
  int nics = 1;
  LinkModel nic{0, 0};   ///< bandwidth 0: there is none
  LinkModel host{0, 0};  ///< between the processors' memory and the rest of the node. bandwidth 0: there is no such endpoint
  [[nodiscard]] int nic_of(int device) const {
    return static_cast<int>(static_cast<long long>(device) * nics / devices);
  }
};

/// An end of a path inside a node.
struct Endpoint {
  enum class Kind : unsigned char { device, nic, host } kind = Kind::device;
  int number = 0;
};

/// Where an endpoint hangs in the PCIe tree.
struct PciePlace {
  int pcie_switch = -1;  ///< -1: at the socket
  int socket = 0;
};
PciePlace pcie_place(const Interior& interior, Endpoint end);

/// From an endpoint to another: links of the node by number.
struct InteriorRoute {
  std::vector<int> links;
  double latency_s = 0;
};

/// One row of the table of wirings: what joins devices directly, besides PCIe.
struct Wiring {
  std::string name;
  std::string sentence;
  std::string (*problem)(const Interior&);  ///< why these devices cannot be wired so, or ""
  /// Links between devices a < b (0: they are not joined); nullptr for a switch, which joins all.
  int (*links_between)(const Interior&, int a, int b);
  /// How many pairs have a number, and the number of a < b that are joined.
  int (*pairs)(const Interior&);
  int (*number)(const Interior&, int a, int b);
};

/// switch, none, all_pairs, pairs, cube_mesh_4, cube_mesh_6.
const std::vector<Wiring>& wiring_table();
/// The row of a name; an InputError names the nearest.
const Wiring& wiring(const std::string& name);

/// One-way links of a node; they are numbered from 0.
int interior_links(const Interior& interior);
double interior_bandwidth_bytes_per_s(const Interior& interior, int link);
/// "gpu5.up" (to the NVLink switch), "gpu5-gpu7", "gpu5.pcie.up", "pcie1.up", "socket0-socket1", "nic1.up", "host.up".
std::string interior_link_name(const Interior& interior, int link);
/// Appends the links from one endpoint to another and adds the latency. Devices take, in this order, the switch or the direct link,
/// two links over a third device that is joined to both (as NCCL does since 2.8; the device opposite `from` where there is a
/// choice), PCIe. NICs and the host are reached through PCIe; without PCIe through the device's link to the switch, or directly.
/// A path that starts or ends at a NIC has no latency of its own here: that of the NIC is from node to node.
/// InputError when no link joins them.
void add_interior_route(const Interior& interior, Endpoint from, Endpoint to, InteriorRoute& route);

}  // namespace convoy
