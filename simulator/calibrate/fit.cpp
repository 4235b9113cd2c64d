#include "simulator/calibrate/fit.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "reference/core/error.h"
#include "reference/core/units.h"

namespace convoy {
namespace {

constexpr std::size_t kLeastPoints = 3;
constexpr std::size_t kMostRanges = 3;

/// Least squares of (a + b x - t) / t, with neither below 0.
FitRange line_through(const std::vector<BenchPoint>& points, std::size_t from, std::size_t to) {
  double saa = 0;
  double sab = 0;
  double sbb = 0;
  double sa = 0;
  double sb = 0;
  for (std::size_t i = from; i < to; ++i) {
    const double u = 1 / points[i].time_s;
    const double v = points[i].bytes / points[i].time_s;
    saa += u * u;
    sab += u * v;
    sbb += v * v;
    sa += u;
    sb += v;
  }
  FitRange range{.from_bytes = points[from].bytes, .to_bytes = points[to - 1].bytes, .points = static_cast<int>(to - from)};
  const double determinant = saa * sbb - sab * sab;
  if (determinant > 1e-12 * saa * sbb) {
    range.start_s = (sa * sbb - sb * sab) / determinant;
    range.s_per_byte = (sb * saa - sa * sab) / determinant;
  }
  if (range.start_s < 0 || (range.start_s == 0 && range.s_per_byte == 0)) {
    range.start_s = 0;
    range.s_per_byte = sb / sbb;
  } else if (range.s_per_byte < 0) {
    range.s_per_byte = 0;
    range.start_s = sa / saa;
  }
  double squares = 0;
  for (std::size_t i = from; i < to; ++i) {
    const double error = (range.start_s + range.s_per_byte * points[i].bytes) / points[i].time_s - 1;
    squares += error * error;
  }
  range.rms = std::sqrt(squares / static_cast<double>(to - from));
  return range;
}

double squares_of(const std::vector<FitRange>& ranges) {
  double squares = 0;
  for (const FitRange& range : ranges) squares += range.rms * range.rms * range.points;
  return squares;
}

/// The best cut of the points from `from` on into `count` ranges; empty when there are too few.
std::vector<FitRange> best_cut(const std::vector<BenchPoint>& points, std::size_t from, std::size_t count) {
  if (points.size() - from < count * kLeastPoints) return {};
  if (count == 1) return {line_through(points, from, points.size())};
  std::vector<FitRange> best;
  for (std::size_t to = from + kLeastPoints; to + (count - 1) * kLeastPoints <= points.size(); ++to) {
    std::vector<FitRange> ranges = best_cut(points, to, count - 1);
    ranges.insert(ranges.begin(), line_through(points, from, to));
    if (best.empty() || squares_of(ranges) < squares_of(best)) best = std::move(ranges);
  }
  return best;
}

void require_sense(const BenchLog& log) {
  const auto place = [&](const BenchPoint& point) { return cat(log.file, ", line ", point.line, ", column 1"); };
  if (log.points.size() < kLeastPoints)
    throw InputError(cat(place(log.points.front()), ": only ", log.points.size(), log.points.size() == 1 ? " size" : " sizes",
                         "; a latency and a bandwidth need at least ", kLeastPoints,
                         ", for example all_reduce_perf -b 8 -e 128M -f 2"));
  double longest_s = 0;
  for (const BenchPoint& point : log.points) {
    if (point.time_s < longest_s * 2 / 3)
      throw InputError(cat(place(point), ": ", format_bytes(point.bytes), " take ", format_time(point.time_s),
                           ", a smaller size took ", format_time(longest_s),
                           "; a time that falls by a third is no property of a network, measure again"));
    longest_s = std::max(longest_s, point.time_s);
  }
}

}  // namespace

double Fit::time_s(double bytes) const {
  require(!ranges.empty(), "Fit::time_s", "there are no ranges");
  const FitRange* range = &ranges.front();
  for (const FitRange& other : ranges)
    if (bytes >= other.from_bytes) range = &other;
  return range->start_s + bytes * range->s_per_byte;
}

Fit fit_times(const BenchLog& log) {
  require(!log.points.empty(), "fit_times", "the log has no points");
  require_sense(log);
  const auto n = static_cast<double>(log.points.size());
  Fit best;
  double least = std::numeric_limits<double>::infinity();
  for (std::size_t count = 1; count <= kMostRanges; ++count) {
    const std::vector<FitRange> ranges = best_cut(log.points, 0, count);
    if (ranges.empty()) break;
    // Times are printed to three or four digits, so errors below 0.5 % say nothing.
    const double variance = squares_of(ranges) / n + 0.005 * 0.005;
    const double criterion = n * std::log(variance) + 3.0 * static_cast<double>(count) * std::log(n);
    if (criterion < least) {
      least = criterion;
      best = {ranges, std::sqrt(squares_of(ranges) / n)};
    }
  }
  const BenchPoint& last = log.points.back();
  const FitRange& largest = best.ranges.back();
  if (!(largest.s_per_byte * largest.to_bytes > 0.01 * largest.start_s))
    throw InputError(cat(log.file, ", line ", last.line,
                         ", column 1: the time does not grow with the size, so there is no bandwidth in it; "
                         "measure up to larger sizes"));
  if (!(best.rms <= 0.25))
    throw InputError(
        cat(log.file, ", line ", log.points.front().line, ", column 1: up to three ranges of latency and bandwidth are ",
            static_cast<int>(std::lround(best.rms * 100)), " % off these times; they are too noisy, or not of one machine"));
  return best;
}

LinkModel link_of(const FitRange& range, CollectiveKind kind, int ranks) {
  require(ranks >= 2 && range.s_per_byte > 0, "link_of", "needs two ranks and a bandwidth, got ", ranks, " ranks and ",
          range.s_per_byte, " s/byte");
  const double n = ranks;
  const double hops = kind == CollectiveKind::all_reduce ? 2 * (n - 1) : n - 1;
  const double part = kind == CollectiveKind::broadcast || kind == CollectiveKind::reduce ? 1.0 : hops / n;
  return {range.start_s / hops, part / range.s_per_byte};
}

namespace {

LinkModel rounded(const LinkModel& link) { return {to_four_digits(link.latency_s), to_four_digits(link.bandwidth_bytes_per_s)}; }

/// The ranges as protocols of one message, which is one part of `ranks`; none of kinds that send other messages.
Protocols protocols_of(const Fit& fit, CollectiveKind kind, int ranks) {
  Protocols protocols;
  if (kind == CollectiveKind::broadcast || kind == CollectiveKind::reduce || kind == CollectiveKind::all_to_all) return protocols;
  constexpr double kNoBound_bytes_per_s = 1e15;  // where the time did not grow with the size
  for (std::size_t i = 0; i + 1 < fit.ranges.size(); ++i) {
    FitRange range = fit.ranges[i];
    range.s_per_byte = std::max(range.s_per_byte, 1 / kNoBound_bytes_per_s);
    const LinkModel link = rounded(link_of(range, kind, ranks));
    protocols.ranges.push_back({.up_to_bytes = std::floor(std::sqrt(range.to_bytes * fit.ranges[i + 1].from_bytes) / ranks),
                                .link = {link.latency_s, std::min(link.bandwidth_bytes_per_s, kNoBound_bytes_per_s)}});
  }
  protocols.calibrated_from_bytes = std::max(1.0, std::floor(fit.ranges.front().from_bytes / ranks));
  protocols.calibrated_to_bytes = std::max(1.0, std::floor(fit.ranges.back().to_bytes / ranks));
  return protocols;
}

}  // namespace

Cluster calibrated(const Cluster& base, const BenchLog& log, const Fit& fit, CollectiveKind kind, int ranks, int nodes) {
  if (nodes < 1 || ranks % nodes != 0) throw InputError(cat(ranks, " ranks cannot be on ", nodes, " nodes, as many on each"));
  Cluster cluster = base;
  const LinkModel link = rounded(link_of(fit.ranges.back(), kind, ranks));
  const Protocols protocols = protocols_of(fit, kind, ranks);
  cluster.nodes = nodes;
  cluster.others.clear();
  cluster.devices_per_node = ranks / nodes;
  if (cluster.devices_per_node > 1) cluster.node_link = link;
  cluster.link_protocols = cluster.devices_per_node > 1 ? protocols : Protocols{};
  cluster.nic_protocols = nodes > 1 ? protocols : Protocols{};
  if (cluster.cores_per_node > 0 &&
      cluster.devices_per_node * std::max(1.0, cluster.communication_cores) > cluster.cores_per_node)
    cluster.communication_cores = 0;
  if (nodes > 1) {
    cluster.nic = link;
    cluster.nics_per_node = cluster.devices_per_node;  // a ring's bandwidth is one number for all NICs of a node together
  }
  std::string ranges;
  for (const FitRange& range : fit.ranges) {
    const LinkModel part = range.s_per_byte > 0 ? link_of(range, kind, ranks) : LinkModel{range.start_s, 0};
    ranges += cat(ranges.empty() ? "" : "; ", "to ", format_bytes(range.to_bytes), ": ", format_time(part.latency_s), " a hop",
                  part.bandwidth_bytes_per_s > 0 ? cat(", ", format_bandwidth(part.bandwidth_bytes_per_s)) : std::string());
  }
  cluster.description =
      cat("links from ", to_string(kind), " of ", ranks, " ranks, ", log.points.size(), " sizes, by ", log.tool, ": ", ranges);
  return cluster;
}

}  // namespace convoy
