#include "simulator/engine/shared_links.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "reference/core/error.h"
#include "simulator/engine/simgrid_shim.h"

namespace convoy {
namespace {

/// SimGrid counts whole bytes; a flow that is handed over has a fraction of one left. In its links this is a byte.
constexpr double kSubBytes = 1 << 20;

}  // namespace

/// The engine, its links, and the flows on their way. Everything happens in SimGrid's main context: there are no actors.
struct SharedLinks::SimGrid {
  std::unique_ptr<sg::s4u::Engine> engine = sg::make_engine();
  sg::ListZone* zone = sg::add_list_zone(*engine, "network");
  sg::s4u::Host* source = sg::add_host(*zone->get_iface(), "source", 1);
  sg::s4u::Host* sink = sg::add_host(*zone->get_iface(), "sink", 1);
  std::vector<sg::LinkImpl*> links;
  struct OnItsWay {
    sg::s4u::CommPtr comm;
    std::uint32_t flow;
  };
  std::unordered_map<const void*, OnItsWay> flows;  ///< by activity
  sg::s4u::CommPtr last_ended;                      ///< SimGrid 4 goes on with it after it has called back

  explicit SimGrid(const std::vector<double>& bandwidths_bytes_per_s) {
    for (std::size_t i = 0; i < bandwidths_bytes_per_s.size(); ++i) {
      sg::s4u::Link* link = sg::add_link(*zone->get_iface(), cat("link", i), bandwidths_bytes_per_s[i] * kSubBytes);
      link->set_latency(0.0);
      links.push_back(link->get_impl());
    }
    sg::seal(*engine, *zone->get_iface());
  }
};

SharedLinks::SharedLinks(std::vector<double> bandwidths_bytes_per_s, Ended ended, Due due)
    : bandwidths_bytes_per_s_(std::move(bandwidths_bytes_per_s)), ended_(std::move(ended)), due_(std::move(due)) {}

SharedLinks::~SharedLinks() = default;

void SharedLinks::start(std::uint32_t flow, const std::vector<int>& links, double bytes, double now_s) {
  if (!simgrid_) {
    simgrid_ = std::make_unique<SimGrid>(bandwidths_bytes_per_s_);
    sg::on_comm_completion([this](const void* activity) { flow_ended(activity); });
  }
  if (flows_++ == 0) offset_s_ = now_s - sg::s4u::Engine::get_clock();
  std::vector<sg::LinkImpl*>& route = simgrid_->zone->route;
  route.clear();
  for (const int link : links) route.push_back(simgrid_->links[static_cast<std::size_t>(link)]);
  sg::s4u::CommPtr comm = sg::s4u::Comm::sendto_init(simgrid_->source, simgrid_->sink);
  comm->set_payload_size(static_cast<std::uint64_t>(std::llround(std::max(bytes * kSubBytes, 1.0))));
  simgrid_->flows.emplace(static_cast<const sg::s4u::Activity*>(comm.get()), SimGrid::OnItsWay{comm, flow});
  comm->start();
}

void SharedLinks::flow_ended(const void* activity) {
  const auto found = simgrid_->flows.find(activity);
  if (found == simgrid_->flows.end()) return;  // SimGrid may tell twice
  const std::uint32_t flow = found->second.flow;
  simgrid_->last_ended = std::move(found->second.comm);
  simgrid_->flows.erase(found);
  --flows_;
  ended_(flow, sg::s4u::Engine::get_clock() + offset_s_);
}

void SharedLinks::wake_at(double time_s) {
  const double date_s = std::max(time_s - offset_s_, sg::s4u::Engine::get_clock());
  if (next_wake_s_ >= 0 && next_wake_s_ <= date_s) return;
  next_wake_s_ = date_s;
  sg::Timer::set(date_s, [this, date_s, time_s] {
    if (next_wake_s_ == date_s) next_wake_s_ = -1;
    due_(time_s);
  });
}

void SharedLinks::run() { simgrid_->engine->run(); }

}  // namespace convoy
