#include "simulator/smpi/platform.h"

#include <algorithm>

#include "reference/core/error.h"

namespace convoy {
namespace {

constexpr double kLoopbackBytes_per_s = 1e18;

/// Asks the Network for every route. Hosts are the ranks, in their order.
class NetworkZone : public simgrid::kernel::routing::NetZoneImpl {
 public:
  NetworkZone(const std::string& name, const Network& network) : NetZoneImpl(name), network_(network) {}
  void get_local_route(const simgrid::kernel::routing::NetPoint* from, const simgrid::kernel::routing::NetPoint* to,
                       simgrid::kernel::routing::Route* into, double* latency_s) override {
    const int first = rank_of(from), last = rank_of(to);
    if (first == last) {
      into->link_list_ = {loopback};
      return;
    }
    network_.route(first, last, numbers_);
    into->link_list_.clear();
    for (const int number : numbers_) into->link_list_.push_back(links.at(static_cast<std::size_t>(number)));
    if (latency_s != nullptr) *latency_s += network_.path(first, last).latency_s;
  }
  std::vector<sg::LinkImpl*> links;  ///< by number; none has a latency of its own
  sg::LinkImpl* loopback = nullptr;

 private:
  /// Names are "rank12".
  static int rank_of(const simgrid::kernel::routing::NetPoint* point) { return std::stoi(point->get_name().substr(4)); }
  const Network& network_;
  std::vector<int> numbers_;
};

}  // namespace

std::vector<sg::s4u::Host*> add_platform(sg::s4u::Engine& engine, const Network& network, int ranks) {
  auto* zone = new NetworkZone("cluster", network);  // SimGrid owns it
#if SIMGRID_VERSION >= 40000
  zone->set_parent(engine.get_netzone_root()->get_impl());
#endif
  sg::s4u::NetZone& face = *zone->get_iface();
  std::vector<sg::s4u::Host*> hosts;
  for (int rank = 0; rank < ranks; ++rank) hosts.push_back(sg::add_host(face, cat("rank", rank), 1e9));
  const auto add_link = [&](const std::string& name, double bytes_per_s) {
    sg::s4u::Link* link = sg::add_link(face, name, std::max(bytes_per_s, 1.0));  // SimGrid takes none of 0, which no route uses
    link->set_latency(0.0);
    return link->get_impl();
  };
  for (int number = 0; number < network.links_of_first(ranks); ++number)
    zone->links.push_back(add_link(cat("link", number), network.bandwidth_bytes_per_s(number)));
  zone->loopback = add_link("loopback", kLoopbackBytes_per_s);
  sg::seal(engine, face);
  return hosts;
}

}  // namespace convoy
