/// SharedLinks: the part of the simulation that SimGrid does: flows that share links.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

namespace convoy {

// Note [what SimGrid is asked]
// A flow that has its links for itself ends after bytes / bandwidth, which takes no simulator to say. As soon as two flows meet
// on a link, both are handed to SimGrid with what is left of them, and its max-min solver says at which rates they and all that
// they touch go on. SimGrid's clock runs only while it has flows; `simulated time = its clock + offset`.
//
// SimGrid's CM02 shares a link in inverse proportion to the latencies of the routes, as TCP does. InfiniBand and NVLink, with
// credits, share evenly. Latencies are therefore paid before a flow gets here (Flows), and SimGrid's links have none: then all
// flows count alike. The network is one zone with two hosts whose route is, for each flow, the list of links that it is given.

/// One per process: SimGrid keeps its platform and clock in globals. Nothing is built before the first flow.
class SharedLinks {
 public:
  using Ended = std::function<void(std::uint32_t flow, double now_s)>;
  using Due = std::function<void(double now_s)>;
  /// `bandwidths` in bytes/s, by link. `ended` is called when a flow has moved, `due` at the time given to wake_at().
  SharedLinks(std::vector<double> bandwidths_bytes_per_s, Ended ended, Due due);
  ~SharedLinks();
  SharedLinks(const SharedLinks&) = delete;
  SharedLinks& operator=(const SharedLinks&) = delete;

  /// Whether any flow is on its way.
  [[nodiscard]] bool busy() const { return flows_ > 0; }
  /// Starts a flow at `now_s`.
  void start(std::uint32_t flow, const std::vector<int>& links, double bytes, double now_s);
  /// Asks for a call of `due` no later than `time_s`, while flows are on their way.
  void wake_at(double time_s);
  /// Goes on until no flow is on its way.
  void run();

 private:
  struct SimGrid;
  void flow_ended(const void* activity);
  std::vector<double> bandwidths_bytes_per_s_;
  Ended ended_;
  Due due_;
  std::int64_t flows_ = 0;
  double offset_s_ = 0;
  double next_wake_s_ = -1;  ///< SimGrid's clock at the earliest pending call of due, -1: none
  std::unique_ptr<SimGrid> simgrid_;
};

}  // namespace convoy
