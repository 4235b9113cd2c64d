// Failures (faults/faults.h) against SimGrid's: a node that computes steps and writes checkpoints over a link, both of which are
// turned off and on again at the times at which simulate_failures() has them fail. SimGrid kills what runs on the node and starts
// it again, and has what is on the link fail.
#include <simgrid/Exception.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <sstream>

#include "reference/core/random.h"
#include "simulator/faults/faults.h"
#include "tests/catch.h"
#include "tests/engine/in_simgrid.h"

using namespace convoy;
using namespace convoy::testing;

namespace {

constexpr double kBandwidth = 1e9;

/// What survives a failure.
struct Progress {
  std::int64_t saved_steps = 0;
  bool failed = false;  ///< and not yet back
  bool done = false;
  int node_failures = 0, link_failures = 0;
  double end_s = 0;
};

/// Keeps the link busy for so long.
void move(double time_s) {
  if (time_s <= 0) return;
  sg::s4u::Host* storage = sg::s4u::Engine::get_instance()->host_by_name("storage");
  sg::s4u::Comm::sendto_async(sg::s4u::this_actor::get_host(), storage, static_cast<std::uint64_t>(time_s * kBandwidth))->wait();
}

/// Steps and checkpoints until all are saved or something fails; the link is in use all the time, as it is between ranks.
void go_on(const FailingRun& run, Progress& progress) {
  if (progress.failed) move(run.cost.restart_s);
  progress.failed = false;
  while (progress.saved_steps < run.steps) {
    const std::int64_t steps = std::min(run.checkpoint_every, run.steps - progress.saved_steps);
    const double work_s = static_cast<double>(steps) * run.step_s;
    const sg::s4u::ExecPtr work = sg::s4u::this_actor::exec_async(work_s);  // the host does 1 flop in a second
    try {
      move(work_s);
    } catch (const simgrid::NetworkFailureException&) {
      work->cancel();
      throw;
    }
    work->wait();
    move(run.cost.write_s);
    progress.saved_steps += steps;
  }
  progress.done = true;
  progress.end_s = sg::s4u::Engine::get_clock();
}

void train(const FailingRun& run, Progress& progress) {
  while (!progress.done) try {
      go_on(run, progress);
    } catch (const simgrid::NetworkFailureException&) {
    }
}

/// Turns node or link off and on again, whenever one fails: a Poisson process, drawn as simulate_failures() says.
void fail(const FailingRun& run, Progress& progress, sg::s4u::Host* node, sg::s4u::Link* link) {
  const double mean_s = mtbf_s(run.fragile), node_rate = run.fragile.nodes / run.fragile.node_mtbf_s;
  Random random(run.seed);
  const auto draw_s = [&] { return -mean_s * std::log1p(-random.uniform()); };
  for (double next_s = draw_s();; next_s += draw_s()) {
    sg::s4u::this_actor::sleep_until(next_s);
    if (progress.done) return;
    progress.failed = true;
    if (random.uniform() < node_rate * mean_s) {
      ++progress.node_failures;
      node->turn_off();
      node->turn_on();
    } else {
      ++progress.link_failures;
      link->turn_off();
      link->turn_on();
    }
  }
}

std::string run_on_simgrid(sg::s4u::Engine& engine, const FailingRun& run) {
  sg::s4u::NetZone* star = sg::add_star(engine, "failures");
  sg::s4u::Host* node = sg::add_host(*star, "node", 1);
  sg::s4u::Host* storage = sg::add_host(*star, "storage", 1);
  sg::s4u::Link* link = sg::add_link(*star, "link", kBandwidth);
  link->set_sharing_policy(sg::s4u::Link::SharingPolicy::FATPIPE);  // what a dead sender left on it is in nobody's way
  sg::add_route_up(*star, node, {sg::s4u::LinkInRoute(link)});
  sg::add_route_down(*star, storage, {});
  sg::seal(engine, *star);
  Progress progress;
  sg::add_actor(engine, "train", node, [&] { train(run, progress); })->set_auto_restart(true);
  sg::add_actor(engine, "fail", storage, [&, node, link] { fail(run, progress, node, link); });
  engine.run();
  char text[100];
  std::snprintf(text, sizeof text, "%.17g %d %d", progress.end_s, progress.node_failures, progress.link_failures);
  return text;
}

}  // namespace

TEST_CASE("nodes and links that SimGrid turns off cost a run the time that simulate_failures says") {
  int node_failures = 0, link_failures = 0;
  for (const double restart_s : {0.0, 40.0})
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
      FailingRun run{.step_s = 2, .steps = 430, .checkpoint_every = 25, .seed = seed};
      run.cost = {.write_s = 10, .restart_s = restart_s};
      run.fragile = {.nodes = 4, .node_mtbf_s = 800, .links = 8, .link_mtbf_s = 3200};  // a failure every 133 s
      const FailingRunTimes ours = simulate_failures(run);
      std::istringstream text(in_simgrid([&](sg::s4u::Engine& engine) { return run_on_simgrid(engine, run); }));
      double end_s = 0;
      std::int64_t nodes = 0, links = 0;
      REQUIRE(text >> end_s >> nodes >> links);
      CAPTURE(restart_s, seed);
      CHECK(end_s == Approx(ours.time_s).epsilon(1e-9));
      CHECK(nodes == ours.node_failures);
      CHECK(links == ours.link_failures);
      node_failures += static_cast<int>(nodes);
      link_failures += static_cast<int>(links);
    }
  CHECK(node_failures > 20);  // else little was tested
  CHECK(link_failures > 10);
}
