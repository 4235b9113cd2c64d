/// The exercise of lesson 12.
#pragma once

#include <vector>

namespace convoy::lesson {

/// The decision of a stale synchronous server: which workers go on now?
///
/// A worker pushes its gradients and waits until the server lets it go on. The server lets nobody get too far ahead: a worker
/// goes on when the number of its pushes is at most `bound` larger than that of the slowest worker, the one with the fewest
/// pushes.
///
/// The server asks after every push, of whomever. `pushed` holds the pushes of every worker so far, that one included, and
/// `waiting` the workers that wait, in the order in which they came; the last one has just pushed. The answer is all those that
/// go on now, in any order. Those who are not in it go on waiting, and the server asks about them again after the next push.
std::vector<int> who_goes_on(const std::vector<int>& pushed, const std::vector<int>& waiting, int bound);

}  // namespace convoy::lesson
