#include "simulator/platform/interior.h"

#include <algorithm>
#include <cstdint>

#include "reference/core/error.h"

namespace convoy {
namespace {

// Note [links of a node]
// Their numbers, in blocks; even numbers go up or from the smaller device to the larger one, odd ones the other way.
//
//     wiring     switch: 2d of device d; else 2p of pair p
//     devices    2d of the PCIe port of device d           \.
//     switches   2w of the port of switch w to its socket   > only with PCIe
//     sockets    from s to t: s * sockets + t              /
//     nics       2n
//     host       0 up (from memory), 1 down

struct Blocks {
  int wiring, ports, switches, sockets, nics, host, end;
};

int pcie_switches(const Pcie& pcie) { return pcie.sockets * pcie.switches_per_socket; }

Blocks blocks(const Interior& interior) {
  const Wiring& wires = wiring(interior.wiring);
  const Pcie& pcie = interior.pcie;
  const bool has_pcie = pcie.present();
  Blocks at{};
  at.ports = interior.devices < 2 ? 0 : 2 * (wires.pairs == nullptr ? interior.devices : wires.pairs(interior));
  at.switches = at.ports + (has_pcie ? 2 * interior.devices : 0);
  at.sockets = at.switches + (has_pcie ? 2 * pcie_switches(pcie) : 0);
  at.nics = at.sockets + (has_pcie ? pcie.sockets * pcie.sockets : 0);
  at.host = at.nics + (interior.nic.bandwidth_bytes_per_s > 0 ? 2 * interior.nics : 0);
  at.end = at.host + (interior.host.bandwidth_bytes_per_s > 0 ? 2 : 0);
  return at;
}

/// The devices of a pair with a number.
std::pair<int, int> pair_of(const Interior& interior, int number) {
  const Wiring& wires = wiring(interior.wiring);
  for (int a = 0; a < interior.devices; ++a)
    for (int b = a + 1; b < interior.devices; ++b)
      if (wires.links_between(interior, a, b) > 0 && wires.number(interior, a, b) == number) return {a, b};
  return {-1, -1};  // a number that no joined pair has
}

void add_pcie_route(const Interior& interior, const Blocks& at, Endpoint from, Endpoint to, InteriorRoute& route) {
  const Pcie& pcie = interior.pcie;
  const PciePlace a = pcie_place(interior, from);
  const PciePlace b = pcie_place(interior, to);
  const bool same_switch = a.pcie_switch >= 0 && a.pcie_switch == b.pcie_switch;
  route.latency_s += pcie.link.latency_s;
  if (from.kind == Endpoint::Kind::device) route.links.push_back(at.ports + 2 * from.number);
  if (a.pcie_switch >= 0 && !same_switch) route.links.push_back(at.switches + 2 * a.pcie_switch);
  if (a.socket != b.socket) {
    route.links.push_back(at.sockets + a.socket * pcie.sockets + b.socket);
    route.latency_s += pcie.socket_link.latency_s;
  }
  if (b.pcie_switch >= 0 && !same_switch) route.links.push_back(at.switches + 2 * b.pcie_switch + 1);
  if (to.kind == Endpoint::Kind::device) route.links.push_back(at.ports + 2 * to.number + 1);
}

/// The direct link from a device to another, or -1.
int direct_link(const Interior& interior, const Blocks& at, int from, int to) {
  const Wiring& wires = wiring(interior.wiring);
  const int a = std::min(from, to);
  const int b = std::max(from, to);
  if (a == b || wires.links_between(interior, a, b) == 0) return -1;
  return at.wiring + 2 * wires.number(interior, a, b) + (from < to ? 0 : 1);
}

/// A device joined to both, or -1. The one opposite `from` is preferred, so that every device carries for one other.
int device_between(const Interior& interior, const Blocks& at, int from, int to) {
  for (int i = 0; i < interior.devices; ++i) {
    const int via = (from + interior.devices / 2 + i) % interior.devices;
    if (direct_link(interior, at, from, via) >= 0 && direct_link(interior, at, via, to) >= 0) return via;
  }
  return -1;
}

void add_device_route(const Interior& interior, const Blocks& at, int from, int to, InteriorRoute& route) {
  const LinkModel& link = interior.link;
  if (wiring(interior.wiring).links_between == nullptr) {
    if (!(link.bandwidth_bytes_per_s > 0))
      throw InputError("the node has no link (node.link) between its devices, which this message needs; add for example "
                       "link: {bandwidth: 150GB/s, latency: 2us}");
    route.links.push_back(at.wiring + 2 * from);
    route.links.push_back(at.wiring + 2 * to + 1);
    route.latency_s += link.latency_s;
    return;
  }
  if (const int direct = direct_link(interior, at, from, to); direct >= 0) {
    route.links.push_back(direct);
    route.latency_s += link.latency_s;
  } else if (const int via = device_between(interior, at, from, to); via >= 0) {
    route.links.push_back(direct_link(interior, at, from, via));
    route.links.push_back(direct_link(interior, at, via, to));
    route.latency_s += 2 * link.latency_s;
  } else if (interior.pcie.present()) {
    add_pcie_route(interior, at, {Endpoint::Kind::device, from}, {Endpoint::Kind::device, to}, route);
  } else {
    throw InputError(cat("nothing joins devices ", from, " and ", to, " of a node: its wiring does not, and it has no PCIe; add for "
                         "example pcie: {bandwidth: 15.75GB/s, latency: 5us}"));
  }
}

}  // namespace

bool operator==(const Pcie& a, const Pcie& b) {
  return same(a.link, b.link) && same(a.socket_link, b.socket_link) && a.sockets == b.sockets &&
         a.switches_per_socket == b.switches_per_socket;
}

PciePlace pcie_place(const Interior& interior, Endpoint end) {
  const Pcie& pcie = interior.pcie;
  if (end.kind == Endpoint::Kind::host) return {-1, 0};
  const std::int64_t all = end.kind == Endpoint::Kind::nic ? interior.nics : interior.devices;
  const int switches = pcie_switches(pcie);
  if (switches == 0) return {-1, static_cast<int>(end.number * std::int64_t{pcie.sockets} / all)};
  const int at = static_cast<int>(end.number * std::int64_t{switches} / all);
  return {at, at / pcie.switches_per_socket};
}

int interior_links(const Interior& interior) { return blocks(interior).end; }

double interior_bandwidth_bytes_per_s(const Interior& interior, int link) {
  const Blocks at = blocks(interior);
  if (link >= at.host) return interior.host.bandwidth_bytes_per_s;
  if (link >= at.nics) return interior.nic.bandwidth_bytes_per_s;
  if (link >= at.sockets) return interior.pcie.socket_link.bandwidth_bytes_per_s;
  if (link >= at.ports) return interior.pcie.link.bandwidth_bytes_per_s;
  const Wiring& wires = wiring(interior.wiring);
  if (wires.links_between == nullptr) return interior.link.bandwidth_bytes_per_s;
  const auto [a, b] = pair_of(interior, link / 2);
  return (a < 0 ? 0 : wires.links_between(interior, a, b)) * interior.link.bandwidth_bytes_per_s;
}

std::string interior_link_name(const Interior& interior, int link) {
  const Blocks at = blocks(interior);
  const auto end = [](int number) { return number % 2 == 0 ? ".up" : ".down"; };
  if (link >= at.host) return cat("host", end(link - at.host));
  if (link >= at.nics) return cat("nic", (link - at.nics) / 2, end(link - at.nics));
  if (link >= at.sockets)
    return cat("socket", (link - at.sockets) / interior.pcie.sockets, "-socket", (link - at.sockets) % interior.pcie.sockets);
  if (link >= at.switches) return cat("pcie", (link - at.switches) / 2, end(link - at.switches));
  if (link >= at.ports) return cat("gpu", (link - at.ports) / 2, ".pcie", end(link - at.ports));
  if (wiring(interior.wiring).links_between == nullptr) return cat("gpu", link / 2, end(link));
  const auto [a, b] = pair_of(interior, link / 2);
  return link % 2 == 0 ? cat("gpu", a, "-gpu", b) : cat("gpu", b, "-gpu", a);
}

void add_interior_route(const Interior& interior, Endpoint from, Endpoint to, InteriorRoute& route) {
  using Kind = Endpoint::Kind;
  if (from.kind == to.kind && from.number == to.number) return;
  const Blocks at = blocks(interior);
  if (from.kind == Kind::device && to.kind == Kind::device) return add_device_route(interior, at, from.number, to.number, route);
  const double latency_s = route.latency_s;
  const bool host = from.kind == Kind::host || to.kind == Kind::host;
  if (host && !(interior.host.bandwidth_bytes_per_s > 0))
    throw InputError("the node states no host memory (node.host), which this message needs; add for example "
                     "host: {bandwidth: 20GB/s, latency: 1us}");
  if (from.kind == Kind::nic) route.links.push_back(at.nics + 2 * from.number + 1);
  if (from.kind == Kind::host) route.links.push_back(at.host);
  const bool device_links = at.ports > 0 && wiring(interior.wiring).links_between == nullptr;
  if (interior.pcie.present()) {
    add_pcie_route(interior, at, from, to, route);
  } else if (device_links) {
    if (from.kind == Kind::device) route.links.push_back(at.wiring + 2 * from.number);
    if (to.kind == Kind::device) route.links.push_back(at.wiring + 2 * to.number + 1);
  }
  if (to.kind == Kind::host) route.links.push_back(at.host + 1);
  if (to.kind == Kind::nic) route.links.push_back(at.nics + 2 * to.number);
  const bool nic = from.kind == Kind::nic || to.kind == Kind::nic;
  route.latency_s = nic ? latency_s : latency_s + interior.host.latency_s;
}

}  // namespace convoy
