/// Swing: halving and doubling whose partners lie to the right and to the left in turn, at a third of the distance (De Sensi et
/// al. 2024).
///
///   n = 8     round 0   0 ◀▶ 1   2 ◀▶ 3   4 ◀▶ 5   6 ◀▶ 7     even ranks 1 to the right: half of the buffer
///             round 1   0 ◀▶ 7   2 ◀▶ 1   4 ◀▶ 3   6 ◀▶ 5     even ranks 1 to the left: a quarter
///             round 2   0 ◀▶ 3   2 ◀▶ 5   4 ◀▶ 7   6 ◀▶ 1     even ranks 3 to the right: an eighth; then the way back
///   distances   1 -1 3 -5 11 -21 43, d(s) = (1 - (-2)^(s+1)) / 3, where halving_doubling has 1 2 4 8 16 32 64
///
///   rounds and time as in halving.h
/// The rounds and bytes of halving_doubling, and on a switch its time. On a ring it is faster: of messages that go d hops, about
/// d/2 share a link and not d, and these distances are shorter. An odd channel is the mirror image, which uses the links between.
/// On a ring `auto` (choose.h) does not take it: it knows no wires, so that this ties with halving_doubling, first in the table.
///
/// Who keeps which half? All whom a rank still meets after round s have to keep the same one. The even ones of them are multiples
/// of 2^(s+2) apart, so bit s+1 of an even rank's number tells them from those who keep the other; an odd rank does as the even
/// one that it meets next. In the last round nobody is met any more, and the lower of the two keeps the lower half.
#include "reference/collectives/halving.h"

namespace convoy {
namespace {

/// 1, -1, 3, -5, 11, ...; of odd channels the opposite.
int distance_of(const HalvingStep& at) {
  const int power = (at.step % 2 == 0 ? -2 : 2) << at.step;  // (-2)^(step + 1)
  return (1 - power) / 3 * (at.channel % 2 == 0 ? 1 : -1);
}

struct SwingWay {
  static int partner(const HalvingStep& at) {
    const int members = 1 << at.levels;
    const int distance = distance_of(at);
    return (at.member + (at.member % 2 == 0 ? distance : -distance) + members) % members;
  }
  static bool keeps_upper(HalvingStep at) {
    if (at.step + 1 == at.levels) return at.member > partner(at);
    const int bit = ++at.step;
    const int even = at.member % 2 == 0 ? at.member : partner(at);
    return (even >> bit & 1) == 1;
  }
};

}  // namespace

extern const CollectiveAlgorithm swing_all_reduce{
    .kind = CollectiveKind::all_reduce,
    .name = "swing",
    .sentence = "halves as in halving_doubling, with partners to the right and left in turn; shorter ways on a ring of wires",
    .rounds = Halving<SwingWay>::rounds,
    .round_count = Halving<SwingWay>::round_count,
    .elements_sent = Halving<SwingWay>::elements_sent,
    .time_s = Halving<SwingWay>::time_s,
    .usual_channels = 2};

}  // namespace convoy
