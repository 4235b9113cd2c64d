/// What servers decide, push by push, by hand.
#include <algorithm>

#include "reference/core/error.h"
#include "reference/schedule/serve_policy.h"
#include "tests/catch.h"

using namespace convoy;

namespace {

/// A policy that is told who pushes; each worker's pushes follow each other.
struct Game {
  explicit Game(ServeRule rule) : policy(rule, 7), next(static_cast<std::size_t>(rule.workers), 0) {}
  ServeDecision push(int worker) { return policy.on_push(worker, next[static_cast<std::size_t>(worker)]++); }
  ServePolicy policy;
  std::vector<int> next;
};

using Workers = std::vector<int>;

}  // namespace

TEST_CASE("sync: an update of everybody's pushes, in the order of the workers") {
  Game game({.mode = "sync", .workers = 3});
  REQUIRE(game.push(2).applied.empty());
  REQUIRE(game.push(0).answered.empty());
  const ServeDecision all = game.push(1);
  REQUIRE(all.applied == Workers{0, 1, 2});
  REQUIRE(std::is_permutation(all.answered.begin(), all.answered.end(), all.applied.begin()));
  REQUIRE(all.iteration == 0);
  (void)game.push(1);
  (void)game.push(0);
  REQUIRE(game.push(2).iteration == 1);
  for (const ServedPush& push : game.policy.log()) {
    REQUIRE(push.server == 7);
    REQUIRE(push.update == push.iteration);
    REQUIRE(push.staleness == 0);
    REQUIRE(push.answer == push.iteration + 1);
  }
}

TEST_CASE("backup: the first of an iteration count, who comes late is answered at once and thrown away") {
  Game game({.mode = "backup", .workers = 3, .accept = 2});
  REQUIRE(game.push(2).applied.empty());
  const ServeDecision two = game.push(0);
  REQUIRE(two.applied == Workers{0, 2});
  REQUIRE(two.answered == Workers{0, 2});
  const ServeDecision late = game.push(1);  // its iteration 0
  REQUIRE(late.applied.empty());
  REQUIRE(late.answered == Workers{1});
  REQUIRE(game.policy.log().back().update == -1);
  REQUIRE(game.push(1).applied.empty());  // iteration 1 is still open
  REQUIRE(game.push(0).applied == Workers{0, 1});
  REQUIRE(game.push(2).answered == Workers{2});
  REQUIRE(game.policy.log().size() == 6);
}

TEST_CASE("async: every push is an update, and staleness counts those of others in between") {
  Game game({.mode = "async", .workers = 2});
  for (int i = 0; i < 3; ++i) {
    const ServeDecision each = game.push(0);
    REQUIRE(each.applied == Workers{0});
    REQUIRE(each.answered == Workers{0});
  }
  (void)game.push(1);
  REQUIRE(game.policy.log().back().staleness == 3);
  (void)game.push(0);
  REQUIRE(game.policy.log().back().staleness == 1);
}

TEST_CASE("ssp: nobody goes on further ahead than the bound") {
  for (const int bound : {0, 1, 3}) {
    Game game({.mode = "ssp", .workers = 2, .bound = bound});
    for (int i = 0; i < bound; ++i) REQUIRE(game.push(0).answered == Workers{0});
    REQUIRE(game.push(0).answered.empty());  // bound + 1 ahead
    const ServeDecision slow = game.push(1);
    REQUIRE(slow.applied == Workers{1});
    REQUIRE(slow.answered == Workers{0, 1});
  }
}

TEST_CASE("rules that cannot be followed are refused with what to write instead") {
  REQUIRE(why_not({.mode = "backup", .workers = 4, .accept = 5}).find("accept 1 to 4") != std::string::npos);
  REQUIRE(why_not({.mode = "backup", .workers = 4}).find("accept 1 to 4") != std::string::npos);
  REQUIRE(why_not({.mode = "ssp", .workers = 4, .bound = -1}).find("0 or more") != std::string::npos);
  REQUIRE(why_not({.mode = "sync", .workers = 4, .bound = 2}).find("use mode ssp") != std::string::npos);
  REQUIRE(why_not({.mode = "async", .workers = 4, .accept = 2}).find("use mode backup") != std::string::npos);
  REQUIRE_FALSE(why_not({.mode = "sync", .workers = 0}).empty());
  REQUIRE_THROWS_AS(serve_mode("asink"), InputError);
  REQUIRE_THROWS_AS(ServePolicy({.mode = "ssp", .workers = 2, .bound = -1}, 0), std::invalid_argument);
  ServePolicy policy({.mode = "async", .workers = 2}, 0);
  REQUIRE_THROWS_AS(policy.on_push(0, 1), std::invalid_argument);  // iteration 0 comes first
  REQUIRE_THROWS_AS(policy.on_push(2, 0), std::invalid_argument);
}
