/// The check of lesson 7: costs against the rounds that Convoy runs, and times against the closed forms.
#include <cmath>
#include <string>

#include "exercise.h"
#include "lessons/lesson.h"
#include "reference/collectives/collective.h"

namespace convoy::lesson {
namespace {

bool near(double a, double b) { return std::abs(a - b) <= 1e-9 * std::abs(b); }
bool same(const Cost& a, const Cost& b) { return a.rounds == b.rounds && near(a.bytes, b.bytes); }

/// Counted in the rounds themselves.
Cost counted(const char* name, int ranks, std::int64_t count) {
  const CollectiveAlgorithm& algorithm = collective_algorithm(CollectiveKind::all_reduce, name);
  const Rounds rounds = algorithm.rounds({.world_size = ranks, .count = count});
  Cost cost{rounds.count, 0};
  for (std::int64_t i = 0; i < rounds.count; ++i)
    if (const Round round = rounds.at(i); round.send) cost.bytes += 4.0 * static_cast<double>(round.send->slice.count);
  return cost;
}

std::string about_ring(const Cost& got, int n, double bytes) {
  if (got.rounds == 0) return "ring says 0 rounds so far: open exercise.cpp, and follow one part around the ring.";
  if (same(got, {n - 1, (n - 1) * bytes / n}))
    return "That is one time around the ring: every rank has one finished part then. It must go around once more.";
  if (near(got.bytes, 2 * (n - 1) * bytes))
    return "The ring sends one part of the buffer in a round, and there are as many parts as ranks.";
  return "Follow one part by hand: how many ranks does it visit, and how many times does rank 0 send meanwhile?";
}

std::string about_doubling(const Cost& got, int n, double bytes) {
  if (near(got.bytes, (n - 1) * bytes / n))
    return "Recursive doubling swaps the whole buffer in every round; it is halving that swaps parts.";
  if (got.rounds == n - 1) return "The distance doubles from round to round, so far fewer rounds reach everybody.";
  return "Whom has rank 0 heard of, directly or not, after one round, after two, after three?";
}

std::string about_halving(const Cost& got, int n, double bytes) {
  if (near(got.bytes, (n - 1) * bytes / n))
    return "Then everybody has one part of the sum, and only that: the same rounds follow once more, the other way.";
  return "Add up half, a quarter, an eighth ... of the buffer, there and back.";
}

void compare(const char* name, const Cost& got, const Cost& wanted, const std::string& hint) {
  if (same(got, wanted)) return;
  throw NotYet(cat(name, ": expected ", wanted.rounds, " rounds and ", wanted.bytes, " bytes, got ", got.rounds, " rounds and ",
                   got.bytes, " bytes.\n", hint));
}

void check_all() {
  for (const int n : {8, 2, 4, 64}) {
    const std::int64_t count = 1024 * n;
    const double bytes = 4.0 * static_cast<double>(count);
    const Cost r = ring(n, bytes), d = recursive_doubling(n, bytes), h = halving_doubling(n, bytes);
    compare("ring", r, counted("ring", n, count), about_ring(r, n, bytes));
    compare("recursive_doubling", d, counted("recursive_doubling", n, count), about_doubling(d, n, bytes));
    compare("halving_doubling", h, counted("halving_doubling", n, count), about_halving(h, n, bytes));
    const LinkModel link{7e-6, 3e9};
    const double wanted_s =
        collective_algorithm(CollectiveKind::all_reduce, "ring").time_s({.world_size = n, .count = count}, bytes, link);
    const double got_s = time_s(r, link.latency_s, link.bandwidth_bytes_per_s);
    if (near(got_s, wanted_s)) continue;
    throw NotYet(cat("time_s of the ring of ", n, ": expected ", 1e6 * wanted_s, " us, got ", 1e6 * got_s, " us.\n",
                     near(got_s, link.latency_s + r.bytes / link.bandwidth_bytes_per_s)
                         ? "Every round pays the latency, since a round waits for the one before it."
                         : "Each round takes the latency and its bytes over the bandwidth; add up all rounds."));
  }
  for (const int n : {3, 5, 12})
    compare("ring", ring(n, 48'000), counted("ring", n, 12'000), about_ring(ring(n, 48'000), n, 48'000));
}

}  // namespace
}  // namespace convoy::lesson

int main() { return convoy::lesson::check(convoy::lesson::check_all); }
