/// Halving: what all-reduces share in which partners exchange halves of what is left, and then go the way back (Rabenseifner
/// 2004).
///
/// They differ in who meets whom when. A Way is a type with two functions, of p = 2^levels members and one channel:
///   static int partner(const HalvingStep&)         with whom a member exchanges: pairs, another one in every step
///   static bool keeps_upper(const HalvingStep&)    whether it keeps the upper half and gives the lower one away; its
///                                                  partner does the opposite, and all whom either meets later as it does
///
///   rounds: c (2 log2 p + 2 if n is no power of 2)     time, S bytes: 2 log2 n c latency + 2 (n-1)/n S/bandwidth
/// with c chunks, one after the other. Another n than p is folded (folded.h): 2 (c latency + S/bandwidth) more, and p for n.
#pragma once

#include "reference/collectives/folded.h"
#include "reference/collectives/span.h"

namespace convoy {

struct HalvingStep {
  int levels = 0;   ///< log2 of the members
  int channel = 0;  ///< whose way it is
  int member = 0;
  int step = 0;  ///< 0 to levels - 1
};

template <class Way>
class Halving {
 public:
  static std::int64_t round_count(const CollectiveRequest& request) {
    return std::int64_t{rounds_of_chunk(Folded(request.world_size))} * request.chunks;
  }

  static Rounds rounds(const CollectiveRequest& request) {
    return {round_count(request), [=, folded = Folded(request.world_size)](std::int64_t i) {
              const int rounds = rounds_of_chunk(folded);
              return round_at(request, folded, static_cast<int>(i % rounds), slice_of(request, i / rounds));
            }};
  }

  /// All blocks but the last one that the rank is left with, on the way there and, by its peers' halves, on the way back.
  static std::int64_t elements_sent(const CollectiveRequest& request) {
    const Folded folded(request.world_size);
    const std::int64_t all = channel_part(request, {0, request.count}).count;
    if (!folded.is_member(request.rank)) return all;
    std::int64_t sent = request.rank < 2 * folded.extra ? all : 0;
    for (int chunk = 0; chunk < request.chunks; ++chunk)
      for (int step = 0; step < folded.levels; ++step) {
        const Halves halves = halves_at(request, folded, step, slice_of(request, chunk));
        sent += halves.given.count + halves.kept.count;
      }
    return sent;
  }

  static double time_s(const CollectiveRequest& request, double bytes, const LinkModel& link) {
    const Folded folded(request.world_size);
    const double moved = 2.0 * (folded.members - 1) / folded.members + 2.0 * folded.folds();
    return static_cast<double>(round_count(request)) * link.latency_s + moved * bytes / link.bandwidth_bytes_per_s;
  }

  /// What goes through it in one chunk of the request's channel.
  static Slice slice_of(const CollectiveRequest& request, std::int64_t chunk) {
    return shard(channel_part(request, {0, request.count}), request.chunks, chunk);
  }

 private:
  /// One exchange: what the rank keeps, and the half that it gives away.
  struct Halves {
    int peer;
    Slice kept, given;
  };

  /// The first of the blocks that a member has after `steps` exchanges; it has p / 2^steps of them.
  static int first_block(HalvingStep at, int steps) {
    int first = 0;
    for (at.step = 0; at.step < steps; ++at.step)
      if (Way::keeps_upper(at)) first += 1 << (at.levels - at.step - 1);
    return first;
  }

  static Halves halves_at(const CollectiveRequest& request, const Folded& folded, int step, const Slice& slice) {
    const HalvingStep mine{folded.levels, request.channel, folded.member_of(request.rank), step};
    const int size = folded.members >> (step + 1);
    const int kept = first_block(mine, step + 1);
    const int given = Way::keeps_upper(mine) ? kept - size : kept + size;
    return {folded.rank_of(Way::partner(mine)), span_of_parts(slice, folded.members, kept, size),
            span_of_parts(slice, folded.members, given, size)};
  }

  static Round round_at(const CollectiveRequest& request, const Folded& folded, int k, const Slice& slice) {
    if (k < folded.folds()) return folded.fold(request.rank, slice);
    k -= folded.folds();
    if (k == 2 * folded.levels) return folded.unfold(request.rank, slice);
    if (!folded.is_member(request.rank)) return {};
    const bool scatters = k < folded.levels;
    const Halves halves = halves_at(request, folded, scatters ? k : 2 * folded.levels - 1 - k, slice);
    if (scatters) return round_of({halves.peer, halves.given}, {halves.peer, halves.kept}, OnReceive::add);
    return round_of({halves.peer, halves.kept}, {halves.peer, halves.given}, OnReceive::copy);
  }

  static int rounds_of_chunk(const Folded& folded) { return 2 * folded.levels + 2 * folded.folds(); }
};

}  // namespace convoy
