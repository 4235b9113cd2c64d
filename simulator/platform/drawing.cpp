#include "simulator/platform/drawing.h"

#include <algorithm>
#include <set>
#include <sstream>
#include <utility>

#include "reference/core/error.h"
#include "reference/core/units.h"

namespace convoy {
namespace {

constexpr int kMostNodes = 32;
constexpr int kEnds = 8;

/// Text between quotation marks.
std::string quoted(const std::string& text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    result += c == '\n' ? ' ' : c;
  }
  return result + "\"";
}

class Drawing {
 public:
  explicit Drawing(const Cluster& cluster) : cluster_(cluster), network_(cluster) {
    const int nodes = network_.nodes();
    for (int node = 0; node < nodes; ++node)
      if (nodes <= kMostNodes || node < kEnds || node >= nodes - kEnds) drawn_.push_back(node);
  }

  std::string text() {
    const int nodes = network_.nodes();
    std::string title = cat(cluster_.name, ": ", cluster_.world_size(), " devices in ", nodes, nodes == 1 ? " node" : " nodes");
    if (static_cast<int>(drawn_.size()) < nodes) title += cat(", drawn: the first and the last ", kEnds, " nodes");
    out_ << "graph cluster {\n  label=" << quoted(title)
         << "; labelloc=t; fontname=Helvetica; layout=dot; ranksep=0.7; newrank=true\n"
            "  node [shape=box, fontname=Helvetica, fontsize=10]; edge [fontname=Helvetica, fontsize=8]\n";
    const Interior* last = nullptr;
    for (const int node : drawn_) {
      const Interior* kind = &network_.interior(node);
      if (kind != last)
        inside(node);
      else
        out_ << "  " << quoted(cat("node", node)) << ";\n";
      if (kind != last) opened_.insert(node);
      last = kind;
    }
    if (nodes > 1) between();
    out_ << "}\n";
    return out_.str();
  }

 private:
  void edge(const std::string& from, const std::string& to, double bytes_per_s) {
    if (!edges_.insert(std::minmax(from, to)).second) return;  // the way back
    out_ << "  " << quoted(from) << " -- " << quoted(to) << " [label=" << quoted(format_bandwidth(bytes_per_s)) << "];\n";
  }

  static std::string in_node(int node, const std::string& what) { return cat("node", node, ".", what); }

  /// Where NICs and host hang: the PCIe tree, or the box of the node.
  std::string tree(int node, Endpoint end) const {
    const Interior& interior = network_.interior(node);
    if (!interior.pcie.present()) return end.kind == Endpoint::Kind::device ? device(node, end.number) : in_node(node, "switch");
    const PciePlace at = pcie_place(interior, end);
    return in_node(node, at.pcie_switch >= 0 ? cat("pcie", at.pcie_switch) : cat("socket", at.socket));
  }

  static std::string device(int node, int number) { return in_node(node, cat("gpu", number)); }

  void inside(int node) {
    const Interior& in = network_.interior(node);
    out_ << "  subgraph " << quoted(cat("cluster_node", node)) << " { label=" << quoted(cat("node", node)) << "; style=rounded;\n";
    for (int d = 0; d < std::min(in.devices, 64); ++d) out_ << "    " << quoted(device(node, d)) << " [style=filled];\n";
    out_ << "  }\n";
    wires(node);
    if (in.pcie.present()) pcie(node);
    if (in.nic.bandwidth_bytes_per_s > 0 && network_.nodes() > 1)
      for (int n = 0; n < std::min(in.nics, 64); ++n) {
        const std::string place = in.pcie.present() ? tree(node, {Endpoint::Kind::nic, n})
                                                    : device(node, n * std::max(1, in.devices / in.nics) % in.devices);
        edge(place, in_node(node, cat("nic", n)), in.pcie.present() ? in.pcie.link.bandwidth_bytes_per_s : in.nic.bandwidth_bytes_per_s);
      }
    if (in.host.bandwidth_bytes_per_s > 0 && in.pcie.present())
      edge(tree(node, {Endpoint::Kind::host, 0}), in_node(node, "host memory"), in.host.bandwidth_bytes_per_s);
  }

  void wires(int node) {
    const Interior& in = network_.interior(node);
    const Wiring& wires = wiring(in.wiring);
    const int devices = std::min(in.devices, 64);
    for (int a = 0; a < devices && devices > 1; ++a) {
      if (wires.links_between == nullptr) edge(device(node, a), in_node(node, "switch"), in.link.bandwidth_bytes_per_s);
      for (int b = a + 1; b < devices && wires.links_between != nullptr; ++b)
        if (const int links = wires.links_between(in, a, b); links > 0)
          edge(device(node, a), device(node, b), links * in.link.bandwidth_bytes_per_s);
    }
  }

  void pcie(int node) {
    const Pcie& pcie = network_.interior(node).pcie;
    for (int d = 0; d < std::min(network_.interior(node).devices, 64); ++d)
      edge(device(node, d), tree(node, {Endpoint::Kind::device, d}), pcie.link.bandwidth_bytes_per_s);
    for (int w = 0; w < pcie.sockets * pcie.switches_per_socket; ++w)
      edge(in_node(node, cat("pcie", w)), in_node(node, cat("socket", w / pcie.switches_per_socket)), pcie.link.bandwidth_bytes_per_s);
    for (int s = 0; s < pcie.sockets; ++s)
      for (int t = s + 1; t < pcie.sockets; ++t)
        edge(in_node(node, cat("socket", s)), in_node(node, cat("socket", t)), pcie.socket_link.bandwidth_bytes_per_s);
  }

  /// The first rank of a node.
  int rank_of(int node) const {
    int rank = 0;
    for (int n = 0; n < node; ++n) rank += network_.interior(n).devices;
    return rank;
  }

  void between() {
    const Fabric fabric = network_.fabric();
    const TopologyKind& kind = topology_kind(cluster_.topology.kind);
    for (const int node : drawn_) {
      const Interior& in = network_.interior(node);
      const std::string hub = kind.attachment(fabric, node);
      const bool open = opened_.contains(node);
      if (!(in.nic.bandwidth_bytes_per_s > 0)) {
        if (open) edge(cat("node", node), device(node, 0), kind.bandwidth_bytes_per_s(fabric, 0));
        continue;
      }
      for (int n = 0; n < std::min(in.nics, 64) && open; ++n)
        edge(in_node(node, cat("nic", n)), hub, in.nic.bandwidth_bytes_per_s);
      if (!open && hub != cat("node", node)) edge(cat("node", node), hub, in.nics * in.nic.bandwidth_bytes_per_s);
    }
    std::set<int> links;
    std::vector<int> route;
    for (const int a : drawn_)
      for (const int b : drawn_) {
        network_.route(rank_of(a), rank_of(b), route);
        for (const int link : route)
          if (link < network_.first_link(0)) links.insert(link);
      }
    for (const int link : links) {
      const LinkEnds ends = kind.ends(fabric, link);
      edge(ends.from, ends.to, kind.bandwidth_bytes_per_s(fabric, link));
    }
  }

  const Cluster& cluster_;
  Network network_;
  std::vector<int> drawn_;
  std::set<int> opened_;  ///< nodes whose inside is drawn
  std::set<std::pair<std::string, std::string>> edges_;
  std::ostringstream out_;
};

}  // namespace

std::string draw_cluster(const Cluster& cluster) { return Drawing(cluster).text(); }

}  // namespace convoy
