/// `parameter_server`: workers divide the batch as in `data`, and what sums their gradients and updates the weights are servers.
/// The weights are divided among servers by elements, in the order in which backward makes their gradients, each server having
/// shard(W, S, s) of the W learned values. A worker pushes a server's part when it is complete and goes on when the part of every
/// server has come back.
///
///   4 workers, 2 servers on ranks of their own      w0  w1  w2  w3
///                                                    |\\  |\\ /|  /|      gradients up, weights down,
///                                                     s0      s1        half of each to and from each server
///
///   per step     W elements pushed and W pulled by each worker; a server takes and hands out W/S of every worker
///   busiest link S servers of their own: n W/S each way at a server; on workers' ranks: (n-1) W/S and (S-1) W/S together
///
/// Servers stand on ranks of their own, behind the workers, or on those of workers, evenly spaced. Ranks of their own may be the
/// processors of the nodes, with their memory: a matter of where messages go, so of simulated clusters only. What servers do with
/// pushes is in reference/schedule/serve_policy.h.
#include "reference/core/error.h"
#include "reference/plans/plan.h"

namespace convoy {
namespace {

void check(const PlanRequest& request) {
  const PlanServers& servers = request.servers;
  if (servers.count < 1)
    throw InputError(cat("plan 'parameter_server' has ", servers.count, " servers; use --servers 1 or more"));
  if (servers.own_ranks && servers.count >= request.ranks)
    throw InputError(cat(request.ranks, request.ranks == 1 ? " rank" : " ranks", " with ", servers.count,
                         servers.count == 1 ? " server" : " servers", " on ranks of their own leave no worker; use --ranks ",
                         servers.count + 1, " or more, or --servers-on workers"));
  if (!servers.own_ranks && servers.count > request.ranks)
    throw InputError(cat(servers.count, " servers do not fit on the ranks of ", request.ranks,
                         request.ranks == 1 ? " worker" : " workers", ", one on each; use --servers ", request.ranks,
                         ", or --servers-on own"));
  (void)serve_mode(servers.mode);  // a misspelt name first
  const int workers = servers.own_ranks ? request.ranks - servers.count : request.ranks;
  if (const std::string reason = why_not({servers.mode, workers, servers.accept, servers.bound}); !reason.empty())
    throw InputError(cat("plan 'parameter_server': ", reason, " (--server-mode, --accept, --bound)"));
}

Plan make(const PlanRequest& request) {
  check(request);
  return {.name = "parameter_server",
          .mesh = {{{"data", request.ranks}}},
          .global_batch = request.global_batch,
          .batch_axis = 0,
          .strategies = {"parameter_server"},
          .servers = request.servers};
}

std::vector<Rule> rules(const Model& model, int) { return std::vector<Rule>(model.nodes.size(), Rule::batch); }

}  // namespace

std::string_view place_of(const PlanServers& servers) {
  return !servers.own_ranks ? "workers" : servers.on_hosts ? "hosts" : "own";
}

PlanServers placed(PlanServers servers, const std::string& place) {
  if (place != "workers" && place != "own" && place != "hosts")
    throw_unknown_word("place of servers", place, {"workers", "own", "hosts"});
  servers.own_ranks = place != "workers";
  servers.on_hosts = place == "hosts";
  return servers;
}

const NamedPlan parameter_server_plan{"parameter_server",
                                      "batch divided, gradients pushed to servers and weights pulled from them", make, rules};

}  // namespace convoy
