/// The check of lesson 8: gradients of networks and of the check's own making, bucket after bucket.
#include <algorithm>
#include <cmath>
#include <string>

#include "exercise.h"
#include "lessons/lesson.h"

namespace convoy::lesson {
namespace {

struct Case {
  const char* name;
  std::vector<Gradient> gradients;
  std::int64_t bucket_bytes;
  double latency_s;
  double bytes_per_s;
};

/// Typical mistakes, one at a time.
struct Mistakes {
  bool loses_last = false;
  bool no_queue = false;
  bool first_ready = false;
  bool one_latency = false;
  bool no_overlap = false;
};

double end_s(const Case& c, const Mistakes& m = {}) {
  double end = 0;
  double first_s = 0;
  std::int64_t bytes = 0;
  for (std::size_t i = 0; i < c.gradients.size(); ++i) {
    if (bytes == 0) first_s = c.gradients[i].ready_s;
    bytes += c.gradients[i].bytes;
    const bool last = i + 1 == c.gradients.size();
    if (bytes < c.bucket_bytes && (!last || m.loses_last)) continue;
    const double ready_s = m.no_overlap ? c.gradients.back().ready_s : m.first_ready ? first_s : c.gradients[i].ready_s;
    const double time_s = (m.one_latency && end > 0 ? 0 : c.latency_s) + static_cast<double>(bytes) / c.bytes_per_s;
    end = m.no_queue ? std::max(end, ready_s + time_s) : std::max(end, ready_s) + time_s;
    bytes = 0;
  }
  return end;
}

bool near(double a, double b) { return std::abs(a - b) <= 1e-12 * std::abs(b); }

std::string likely_mistake(const Case& c, double got) {
  if (got == 0) return "last_all_reduce_end_s says 0 so far: open exercise.cpp and follow the buckets.";
  if (near(got, end_s(c, {.loses_last = true})))
    return "This way the gradients of the last bucket are never sent: it is closed though it is not full.";
  if (near(got, end_s(c, {.no_overlap = true})))
    return "This way nothing overlaps: a bucket need not wait for the whole backward pass.";
  if (near(got, end_s(c, {.no_queue = true})))
    return "This would take several all-reduces at the same time; there is one network, and the next one waits.";
  if (near(got, end_s(c, {.first_ready = true}))) return "A bucket is sent before all of its gradients are there.";
  if (near(got, end_s(c, {.one_latency = true})))
    return "It pays one latency in all; one all-reduce has one latency, and there are several.";
  return "Follow one bucket by hand: when is it closed, when has the one before it ended, and how long does it take?";
}

/// The last gradient is late and small, as in CNNs: the first layers are computed last and have few weights.
std::vector<Gradient> gradients_of(int count, std::int64_t largest) {
  std::vector<Gradient> all;
  for (int i = 0; i < count; ++i)
    all.push_back({.ready_s = 1e-3 * (1 + i + 0.3 * std::sin(i)), .bytes = largest / (1 + static_cast<std::int64_t>(i) * i)});
  return all;
}

void check_all() {
  const Case cases[] = {
      {"each gradient a bucket", gradients_of(6, 4 << 20), 1, 50e-6, 2e9},
      {"buckets of 1 MiB", gradients_of(12, 4 << 20), 1 << 20, 50e-6, 2e9},
      {"a slow network", gradients_of(12, 4 << 20), 1 << 18, 50e-6, 2e8},
      {"one bucket for all", gradients_of(12, 4 << 20), 1 << 30, 50e-6, 2e9},
      {"a long latency", gradients_of(9, 1 << 20), 1 << 16, 2e-3, 1e10},
      {"one gradient", gradients_of(1, 1 << 20), 1 << 16, 1e-5, 1e9},
  };
  for (const Case& c : cases) {
    const double got = last_all_reduce_end_s(c.gradients, c.bucket_bytes, c.latency_s, c.bytes_per_s);
    const double wanted = end_s(c);
    if (near(got, wanted)) continue;
    throw NotYet(cat(c.name, ": expected ", 1e3 * wanted, " ms, got ", 1e3 * got, " ms.\n", likely_mistake(c, got)));
  }
}

}  // namespace
}  // namespace convoy::lesson

int main() { return convoy::lesson::check(convoy::lesson::check_all); }
