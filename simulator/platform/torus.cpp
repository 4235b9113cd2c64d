/// torus: a grid of any number of dimensions whose ends are joined; a ring in every row of every dimension.
///
///     0 == 1 == 2 == (0)         extents: [3, 2]: node = x + 3 y
///     ||   ||   ||               number of a link: (dimension * n + node) * 2, one more for the way back
///     3 == 4 == 5 == (3)
///
/// Uses extents and link. A message goes along one dimension after the other, on the shorter way around; where both are as long,
/// those from even coordinates go up and those from odd ones down. A dimension of 2 has one link each way between its nodes.
///   hops                 the sum over the dimensions of min(d, k-d), d = (to - from) mod k, k the extent
///   latency              hops * link
///   pairwise bandwidth   link
///   bisection            2 n/k links for the largest extent k (k = 2: n/2), cut across that dimension; for an odd k that is the
///                        cut by whole layers that is nearest to two halves
#include <algorithm>
#include <cstdint>

#include "reference/core/error.h"
#include "simulator/platform/topology.h"

namespace convoy {
namespace {

int hops(const Fabric& fabric, int from, int to) {
  int sum = 0;
  for (const int k : fabric.topology.extents) {
    const int ahead = (to % k - from % k + k) % k;
    sum += std::min(ahead, k - ahead);
    from /= k;
    to /= k;
  }
  return sum;
}

/// The node `steps` (+1 or -1) along a dimension with this stride and extent.
int neighbour(int node, int stride, int k, int step) {
  const int at = node / stride % k;
  return node + ((at + step + k) % k - at) * stride;
}

void route(const Fabric& fabric, int from, int to, FabricRoute& route) {
  int node = from;
  int stride = 1;
  int dimension = 0;
  for (const int k : fabric.topology.extents) {
    const int goal = to / stride % k;
    const int start = node / stride % k;
    const int ahead = (goal - start + k) % k;
    const bool up = 2 * ahead < k || (2 * ahead == k && (k == 2 || start % 2 == 0));
    for (; node / stride % k != goal; node = neighbour(node, stride, k, up ? 1 : -1))
      route.links.push_back((dimension * fabric.nodes + node) * 2 + (up ? 0 : 1));
    stride *= k;
    ++dimension;
  }
  route.latency_s += hops(fabric, from, to) * fabric.topology.link.latency_s;
}

std::string link_name(const Fabric& fabric, int link) {
  const int node = link / 2 % fabric.nodes;
  const auto dimension = static_cast<std::size_t>(link / 2 / fabric.nodes);
  int stride = 1;
  for (std::size_t d = 0; d < dimension; ++d) stride *= fabric.topology.extents[d];
  const int k = fabric.topology.extents[dimension];
  return cat("node", node, "-node", neighbour(node, stride, k, link % 2 == 0 ? 1 : -1));
}

double bisection(const Fabric& fabric) {
  const int k = *std::max_element(fabric.topology.extents.begin(), fabric.topology.extents.end());
  const int cut = k > 2 ? 2 : k - 1;
  return std::min(half_of_the_ports_bytes_per_s(fabric), cut * (fabric.nodes / k) * fabric.topology.link.bandwidth_bytes_per_s);
}

std::string problem(const Fabric& fabric) {
  std::int64_t product = 1;
  std::string text;
  for (const int k : fabric.topology.extents) {
    product = std::min<std::int64_t>(product * k, 1 << 30);
    text += cat(text.empty() ? "" : " x ", k);
  }
  if (product == fabric.nodes && fabric.topology.extents.size() <= 16) return "";
  if (product == fabric.nodes) return "a torus has at most 16 dimensions";
  return cat("a torus of ", text, " has ", product, " nodes, and there are ", fabric.nodes, "; write nodes: ", product,
             " or other extents");
}

}  // namespace

TopologyKind torus_topology() {
  return {.name = "torus",
          .sentence = "a grid whose ends are joined, in any number of dimensions",
          .keys = {"extents", "link"},
          .direct = true,
          .problem = problem,
          .links = [](const Fabric& f) { return 2 * f.nodes * static_cast<int>(f.topology.extents.size()); },
          .bandwidth_bytes_per_s = [](const Fabric& f, int link) {
            const int k = f.topology.extents[static_cast<std::size_t>(link / 2 / f.nodes)];
            const bool unused = k == 1 || (k == 2 && link % 2 == 1);  // the way that nobody takes
            return unused ? 0 : f.topology.link.bandwidth_bytes_per_s;
          },
          .link_name = link_name,
          .ends = [](const Fabric& f, int link) { return ends_of_name(link_name(f, link)); },
          .attachment = node_name,
          .route = route,
          .hops = hops,
          .pair_bandwidth_bytes_per_s = [](const Fabric& f, int, int) { return f.topology.link.bandwidth_bytes_per_s; },
          .bisection_bytes_per_s = bisection};
}

}  // namespace convoy
