/// What differs between SimGrid 3.32 (Debian 12) and 4.x (Debian 13), behind one set of names; and the settings that we use it with.
#pragma once

#include <simgrid/kernel/Timer.hpp>
#include <simgrid/kernel/routing/NetPoint.hpp>
#include <simgrid/kernel/routing/NetZoneImpl.hpp>
#include <simgrid/s4u.hpp>

#include <simgrid/version.h>
#if SIMGRID_VERSION < 33400
#include <simgrid/kernel/resource/NetworkModelIntf.hpp>
#endif

#include <functional>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

namespace convoy::sg {

namespace s4u = simgrid::s4u;
using LinkImpl = simgrid::kernel::resource::StandardLinkImpl;
using simgrid::kernel::timer::Timer;

/// A zone in which every route is the list of links that was put into `route` just before. SimGrid asks for it once for each
/// flow, when that starts.
class ListZone : public simgrid::kernel::routing::NetZoneImpl {
 public:
  explicit ListZone(const std::string& name) : NetZoneImpl(name) {}
  void get_local_route(const simgrid::kernel::routing::NetPoint*, const simgrid::kernel::routing::NetPoint*,
                       simgrid::kernel::routing::Route* into, double*) override {
    into->link_list_ = route;
  }
  std::vector<LinkImpl*> route;
};

/// Factor on the latency of the links between two hosts.
using LatencyFactor = std::function<double(const s4u::Host* from, const s4u::Host* to)>;

#if SIMGRID_VERSION >= 40000

inline constexpr const char* kTimePrecision = "precision/timing";
inline s4u::NetZone* add_star(s4u::Engine& engine, const std::string& name) {
  return engine.get_netzone_root()->add_netzone_star(name);
}
/// SimGrid owns the zone.
inline ListZone* add_list_zone(s4u::Engine& engine, const std::string& name) {
  auto* zone = new ListZone(name);
  zone->set_parent(engine.get_netzone_root()->get_impl());
  return zone;
}
inline s4u::Host* add_host(s4u::NetZone& zone, const std::string& name, double speed) { return zone.add_host(name, speed); }
inline s4u::Link* add_link(s4u::NetZone& zone, const std::string& name, double bandwidth) {
  return zone.add_link(name, bandwidth);
}
inline s4u::ActorPtr add_actor(s4u::Engine& engine, const std::string& name, s4u::Host* host, const std::function<void()>& body) {
  return engine.add_actor(name, host, body);
}
inline void seal(s4u::Engine& engine, s4u::NetZone& star) {
  star.seal();
  engine.get_netzone_root()->seal();
}

#else

inline constexpr const char* kTimePrecision = "surf/precision";
inline s4u::NetZone* add_star(s4u::Engine&, const std::string& name) { return s4u::create_star_zone(name); }
/// SimGrid owns the zone. The first zone without a parent is the root.
inline ListZone* add_list_zone(s4u::Engine&, const std::string& name) { return new ListZone(name); }
inline s4u::Host* add_host(s4u::NetZone& zone, const std::string& name, double speed) { return zone.create_host(name, speed); }
inline s4u::Link* add_link(s4u::NetZone& zone, const std::string& name, double bandwidth) {
  return zone.create_link(name, bandwidth);
}
inline s4u::ActorPtr add_actor(s4u::Engine&, const std::string& name, s4u::Host* host, const std::function<void()>& body) {
  return s4u::Actor::create(name, host, body);
}
inline void seal(s4u::Engine&, s4u::NetZone& star) { star.seal(); }

#endif

#if SIMGRID_VERSION >= 33500

inline void add_route_up(s4u::NetZone& star, s4u::Host* host, const std::vector<s4u::LinkInRoute>& links) {
  star.add_route(host, static_cast<const s4u::Host*>(nullptr), links, false);
}
inline void add_route_down(s4u::NetZone& star, s4u::Host* host, const std::vector<s4u::LinkInRoute>& links) {
  star.add_route(static_cast<const s4u::Host*>(nullptr), host, links, false);
}

#else

inline void add_route_up(s4u::NetZone& star, s4u::Host* host, const std::vector<s4u::LinkInRoute>& links) {
  star.add_route(host->get_netpoint(), nullptr, nullptr, nullptr, links, false);
}
inline void add_route_down(s4u::NetZone& star, s4u::Host* host, const std::vector<s4u::LinkInRoute>& links) {
  star.add_route(nullptr, host->get_netpoint(), nullptr, nullptr, links, false);
}

#endif

/// A route between two hosts that goes around the routes of the zone.
inline void add_bypass(s4u::NetZone& star, s4u::Host* from, s4u::Host* to, const std::vector<s4u::LinkInRoute>& links) {
  star.add_bypass_route(from->get_netpoint(), to->get_netpoint(), nullptr, nullptr, links);
}

inline void set_latency_factor(s4u::NetZone& zone, const LatencyFactor& factor) {
  const auto callback = [factor](double, const s4u::Host* from, const s4u::Host* to, const std::vector<s4u::Link*>&,
                                 const std::unordered_set<s4u::NetZone*>&) { return factor(from, to); };
#if SIMGRID_VERSION >= 33400
  zone.set_latency_factor_cb(callback);
#else
  zone.get_network_model()->set_lat_factor_cb(callback);
#endif
}

/// Calls back with the address of the s4u::Activity of every communication that has ended.
inline void on_comm_completion(const std::function<void(const void*)>& callback) {
#if SIMGRID_VERSION >= 33400
  s4u::Comm::on_completion_cb([callback](const s4u::Comm& comm) { callback(static_cast<const s4u::Activity*>(&comm)); });
#else
  s4u::Activity::on_completion_cb([callback](const s4u::Activity& activity) { callback(&activity); });
#endif
}

/// SimGrid, silent, with the fluid model: CM02 without cross-traffic. TCP-gamma would cap rates. The precision is that below which
/// SimGrid merges events; at its default of 1 ns errors add up. `more`: further settings, "smpi/test:0". Once in a process.
inline std::unique_ptr<s4u::Engine> make_engine(const std::vector<std::string>& more = {}) {
  std::vector<std::string> words = {"convoy",
                                    "--log=root.thresh:critical",
                                    "--cfg=network/model:CM02",
                                    "--cfg=network/crosstraffic:0",
                                    "--cfg=network/TCP-gamma:1e18",
                                    std::string("--cfg=") + kTimePrecision + ":1e-15"};
  for (const std::string& setting : more) words.push_back("--cfg=" + setting);
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  int argc = static_cast<int>(words.size());
  return std::make_unique<s4u::Engine>(&argc, argv.data());
}

}  // namespace convoy::sg
