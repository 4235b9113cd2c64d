/// The check of lesson 12: a Convoy server takes pushes in all kinds of orders, and the learner is asked what it decides.
#include <algorithm>
#include <functional>
#include <string>

#include "exercise.h"
#include "lessons/lesson.h"
#include "reference/core/random.h"
#include "reference/schedule/serve_policy.h"

namespace convoy::lesson {
namespace {

/// What a server sees after a push, and whom ServePolicy then lets go on.
struct Moment {
  std::vector<int> pushed, waiting;
  int bound = 0;
  std::vector<int> go_on;
};

/// Workers that do not wait push in an order drawn at random; the higher its number, the rarer does a worker.
void add_run(int workers, int bound, std::vector<Moment>& moments) {
  ServePolicy server({.mode = "ssp", .workers = workers, .bound = bound}, 0);
  Moment now{.pushed = std::vector<int>(static_cast<std::size_t>(workers), 0), .waiting = {}, .bound = bound, .go_on = {}};
  for (int drawn = 0; drawn < 400; ++drawn) {
    const double u = unit_interval(random_bits(7, workers, bound, drawn));
    const int worker = static_cast<int>(u * u * workers);
    if (std::find(now.waiting.begin(), now.waiting.end(), worker) != now.waiting.end()) continue;
    now.go_on = server.on_push(worker, now.pushed[static_cast<std::size_t>(worker)]++).answered;
    now.waiting.push_back(worker);
    moments.push_back(now);
    for (const int each : now.go_on) std::erase(now.waiting, each);
  }
}

/// Pushes drawn at random, such as servers get into that decide otherwise; by the rule of exercise.h.
void add_drawn(int workers, int bound, std::vector<Moment>& moments) {
  for (int drawn = 0; drawn < 100; ++drawn) {
    Moment now{.pushed = {}, .waiting = {}, .bound = bound, .go_on = {}};
    for (int worker = 0; worker < workers; ++worker) {
      now.pushed.push_back(static_cast<int>(7 * unit_interval(random_bits(8, workers, bound, drawn, worker))));
      if (now.pushed.back() > 0 && unit_interval(random_bits(9, workers, bound, drawn, worker)) < 0.6)
        now.waiting.push_back(worker);
    }
    if (now.waiting.empty()) continue;
    const int slowest = *std::min_element(now.pushed.begin(), now.pushed.end());
    for (const int worker : now.waiting)
      if (now.pushed[static_cast<std::size_t>(worker)] <= slowest + bound) now.go_on.push_back(worker);
    moments.push_back(now);
  }
}

using Rule = std::function<bool(const Moment& moment, int worker)>;

std::vector<int> by_rule(const Moment& moment, const Rule& rule) {
  std::vector<int> go_on;
  for (const int worker : moment.waiting)
    if (rule(moment, worker)) go_on.push_back(worker);
  std::sort(go_on.begin(), go_on.end());
  return go_on;
}

struct Mistake {
  const char* message;
  Rule rule;
};

int pushes_of(const Moment& m, int worker) { return m.pushed[static_cast<std::size_t>(worker)]; }
int ahead(const Moment& m, int worker) { return pushes_of(m, worker) - *std::min_element(m.pushed.begin(), m.pushed.end()); }

int fewest_of_waiting(const Moment& m) {
  int fewest = pushes_of(m, m.waiting.front());
  for (const int worker : m.waiting) fewest = std::min(fewest, pushes_of(m, worker));
  return fewest;
}

/// Typical mistakes.
const std::vector<Mistake> kMistakes = {
    {"So far nobody goes on: open exercise.cpp and let somebody. (nobody goes on so far)",
     [](const Moment&, int) { return false; }},
    {"This is an asynchronous server: everybody goes on at once, however far ahead.", [](const Moment&, int) { return true; }},
    {"This is a synchronous server: everybody waits for the slowest, as if the bound were 0.",
     [](const Moment& m, int worker) { return ahead(m, worker) == 0; }},
    {"A worker that is exactly `bound` ahead goes on: \"at most\" is not \"less than\".",
     [](const Moment& m, int worker) { return ahead(m, worker) < m.bound; }},
    {"A worker gets one push further ahead than the bound allows.",
     [](const Moment& m, int worker) { return ahead(m, worker) <= m.bound + 1; }},
    {"Look also at those that wait from before: when the slowest pushes, they may go on.",
     [](const Moment& m, int worker) { return worker == m.waiting.back() && ahead(m, worker) <= m.bound; }},
    {"The slowest of those that wait is not the slowest of all, which may be still computing.",
     [](const Moment& m, int worker) { return pushes_of(m, worker) - fewest_of_waiting(m) <= m.bound; }},
    {"This asks who is not too far behind the fastest; ask who is not too far ahead of the slowest.",
     [](const Moment& m, int worker) {
       return *std::max_element(m.pushed.begin(), m.pushed.end()) - pushes_of(m, worker) <= m.bound;
     }},
};

std::vector<int> asked(const Moment& m) {
  std::vector<int> got = who_goes_on(m.pushed, m.waiting, m.bound);
  std::sort(got.begin(), got.end());
  return got;
}

std::string list(const std::vector<int>& workers) {
  std::string text;
  for (const int worker : workers) text += cat(text.empty() ? "" : ", ", worker);
  return text.empty() ? "nobody" : text;
}

std::string likely_mistake(const std::vector<Moment>& moments) {
  for (const Mistake& mistake : kMistakes)
    if (std::all_of(moments.begin(), moments.end(), [&](const Moment& m) { return asked(m) == by_rule(m, mistake.rule); }))
      return mistake.message;
  return "Take every worker that waits: how far is it ahead of the one with the fewest pushes?";
}

void check_all() {
  std::vector<Moment> moments;
  for (const auto& [workers, bound] : {std::pair{2, 2}, {3, 1}, {4, 0}, {4, 3}, {8, 2}, {1, 1}}) add_run(workers, bound, moments);
  for (const auto& [workers, bound] : {std::pair{3, 1}, {4, 2}}) add_drawn(workers, bound, moments);
  for (const Moment& m : moments)
    if (const std::vector<int> got = asked(m); got != m.go_on)
      throw NotYet(cat("pushes ", list(m.pushed), "; bound ", m.bound, "; waiting ", list(m.waiting), ": expected that ",
                       list(m.go_on), " should go on, got ", list(got), ".\n", likely_mistake(moments)));
}

}  // namespace
}  // namespace convoy::lesson

int main() { return convoy::lesson::check(convoy::lesson::check_all); }
