/// How long communication waited for its partners before anything moved.
///
/// A communication op takes from when its rank begins it to when it is over. Until the last of its partners has begun it too it
/// waits; what comes then is communication. Partners of a collective are all of its group, of an Exchange those at the other ends
/// of its messages. An Exchange that only receives waits for what nobody has computed yet: the rank has nothing to do, which is a
/// bubble like having no op at all, as in the pipelines that the word is from. A Serve is always under way and says nothing, so
/// all of it is one. Tables, pictures and traces all ask here, so that a word means the same in each.
#pragma once

#include <array>
#include <limits>
#include <map>

#include "reference/schedule/timeline.h"

namespace convoy {

/// Seconds at the beginning of an op in which it moves nothing. One of the two is 0.
struct Wait {
  double partners_s = 0;  ///< waiting: partners have not come yet
  double bubble_s = 0;    ///< there is nothing to do yet
  [[nodiscard]] double both_s() const { return partners_s + bubble_s; }
};

/// Of one timeline. Keeps a reference to the schedule.
class Waits {
 public:
  Waits(const Schedule& schedule, const Timeline& timeline);
  /// Of an op of the timeline; nothing of a compute op.
  [[nodiscard]] Wait of(const Interval& interval) const;

 private:
  using Key = std::array<int, 4>;
  /// Starts of the sender and the receiver; of one that is not in the timeline, long ago.
  struct Ends : std::array<double, 2> {
    Ends() : std::array<double, 2>{std::numeric_limits<double>::lowest(), std::numeric_limits<double>::lowest()} {}
  };
  [[nodiscard]] const Op& op_of(const Interval& i) const;
  [[nodiscard]] Key key(const Interval& i, const Collective& collective) const;
  [[nodiscard]] Key key(const Interval& i, const Message& message, bool sends) const;

  const Schedule& schedule_;
  std::map<Key, double> last_s_;  ///< when the last rank of a collective began it
  std::map<Key, Ends> ends_s_;
};

}  // namespace convoy
