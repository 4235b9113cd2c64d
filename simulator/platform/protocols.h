/// Protocols: what messages of other sizes than the large ones see of a link.
#pragma once

#include <vector>

#include "reference/collectives/collective.h"

namespace convoy {

/// Libraries send small messages in another way than large ones (NCCL's LL and LL128, MPI's eager), each with a latency and a
/// bandwidth of its own. `convoy calibrate` finds them in measured times.
struct Protocol {
  double up_to_bytes = 0;  ///< of one message, this size included
  LinkModel link;          ///< what such a message sees: latency_s, bandwidth_bytes_per_s
};

/// The protocols of one kind of link, which itself has the numbers of the largest messages.
struct Protocols {
  std::vector<Protocol> ranges;  ///< smallest first; messages beyond the last see the link
  /// Sizes of messages that were measured when the link's numbers were. 0 and 0: they are not from measurements of sizes.
  double calibrated_from_bytes = 0;
  double calibrated_to_bytes = 0;

  /// Seconds that a message takes beyond those on the link: its protocol's time less the link's; 0 beyond all ranges. Negative
  /// where the protocol's latency is the smaller one, though never by more than the link's latency.
  [[nodiscard]] double beyond_s(double message_bytes, const LinkModel& link) const;
};
bool operator==(const Protocols& a, const Protocols& b);

/// A measured value to four digits: no measurement here is better than that, and cluster files are for people too. 0 when not
/// above 0.
double to_four_digits(double value);

}  // namespace convoy
