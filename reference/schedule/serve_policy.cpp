#include "reference/schedule/serve_policy.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include "reference/core/error.h"

namespace convoy {
namespace {

/// The update of a round when so many pushes have come, and its end.
ServeDecision gather(ServeState& state, int worker, int iteration, std::size_t enough) {
  state.members.push_back(worker);
  if (state.members.size() < enough) return {};
  std::ranges::sort(state.members);
  ++state.round;
  return {.applied = state.members, .iteration = iteration, .answered = std::exchange(state.members, {})};
}

ServeDecision sync_push(ServeState& state, int worker, int iteration) {
  return gather(state, worker, iteration, state.pushed.size());
}

ServeDecision backup_push(ServeState& state, int worker, int iteration) {
  if (iteration < state.round) return {.answered = {worker}};
  return gather(state, worker, iteration, static_cast<std::size_t>(state.rule.accept));
}

ServeDecision async_push(ServeState&, int worker, int iteration) {
  return {.applied = {worker}, .iteration = iteration, .answered = {worker}};
}

ServeDecision ssp_push(ServeState& state, int worker, int iteration) {
  ServeDecision decision{.applied = {worker}, .iteration = iteration};
  state.waiting.push_back(worker);
  const int slowest = *std::ranges::min_element(state.pushed);
  const auto may_go_on = [&](int who) { return state.pushed[static_cast<std::size_t>(who)] - slowest <= state.rule.bound; };
  std::ranges::copy_if(state.waiting, std::back_inserter(decision.answered), may_go_on);
  std::erase_if(state.waiting, may_go_on);
  std::ranges::sort(decision.answered);
  return decision;
}

constexpr std::array kModes = {
    ServeMode{"sync", "an update of the pushes of all workers, then everybody goes on", true, sync_push},
    ServeMode{"backup", "an update of the first pushes of an iteration; those of stragglers are thrown away", true, backup_push},
    ServeMode{"async", "an update of every push, and its worker goes on at once", false, async_push},
    ServeMode{"ssp", "as async, but nobody gets further ahead of the slowest than the bound", false, ssp_push}};

}  // namespace

std::span<const ServeMode> serve_modes() { return kModes; }

const ServeMode& serve_mode(std::string_view name) {
  const auto found = std::ranges::find(kModes, name, &ServeMode::name);
  if (found != kModes.end()) return *found;
  std::vector<std::string> known;
  for (const ServeMode& mode : kModes) known.emplace_back(mode.name);
  throw_unknown_word("server mode", name, known);
}

std::string why_not(const ServeRule& rule) {
  if (rule.workers < 1) return cat("a server has ", rule.workers, " workers, and needs 1 or more");
  if (rule.mode == "backup" && (rule.accept < 1 || rule.accept > rule.workers))
    return cat("an update cannot be made of the first ", rule.accept, " pushes of ", rule.workers, " workers; use --accept 1 to ",
               rule.workers, ", in a plan accept: ...");
  if (rule.mode != "backup" && rule.accept != 0)
    return cat("'accept' is ", rule.accept, ", and mode ", rule.mode, " takes every push; leave it out, or use mode backup");
  if (rule.mode == "ssp" && rule.bound < 0)
    return cat("a worker cannot be ", rule.bound, " iterations ahead at most; the bound is 0 or more");
  if (rule.mode != "ssp" && rule.bound != 0)
    return cat("the bound is ", rule.bound, ", and mode ", rule.mode, " has none; leave it out, or use mode ssp");
  return "";
}

ServePolicy::ServePolicy(const ServeRule& rule, int server)
    : mode_(&serve_mode(rule.mode)), state_{.rule = rule}, server_(server) {
  const std::string reason = why_not(rule);
  require(reason.empty(), "ServePolicy", reason);
  const auto workers = static_cast<std::size_t>(rule.workers);
  state_.pushed.assign(workers, 0);
  given_.assign(workers, 0);
  last_.assign(workers, 0);
}

ServeDecision ServePolicy::on_push(int worker, int iteration) {
  require(worker >= 0 && worker < state_.rule.workers, "ServePolicy", "a push of worker ", worker, " of ", state_.rule.workers);
  const auto who = static_cast<std::size_t>(worker);
  require(iteration == state_.pushed[who], "ServePolicy", "worker ", worker, " pushed iteration ", iteration, ", and ",
          state_.pushed[who], " was expected");
  ++state_.pushed[who];
  last_[who] = log_.size();
  log_.push_back({.server = server_, .worker = worker, .iteration = iteration});
  ServeDecision decision = mode_->on_push(state_, worker, iteration);
  for (const int member : decision.applied) {
    ServedPush& push = log_[last_[static_cast<std::size_t>(member)]];
    push.update = updates_;
    push.staleness = updates_ - given_[static_cast<std::size_t>(member)];
  }
  if (!decision.applied.empty()) ++updates_;
  const int slowest = *std::ranges::min_element(state_.pushed);
  for (const int one : decision.answered) {
    const auto index = static_cast<std::size_t>(one);
    given_[index] = updates_;
    log_[last_[index]].answer = updates_;
    log_[last_[index]].ahead = state_.pushed[index] - slowest;
  }
  return decision;
}

}  // namespace convoy
