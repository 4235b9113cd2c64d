/// What one rank of the program that mpirun starts is asked to do. Every case is called on all ranks of the world; what is not as
/// it should be is printed, and counted.
#pragma once

#include "reference/core/error.h"
#include "reference/exec/mpi/run_on_mpi.h"

namespace convoy::tests {

/// Failed expectations of this rank.
class Expectations {
 public:
  explicit Expectations(int rank) : rank_(rank) {}
  template <class... Words>
  void expect(bool holds, const Words&... words) {
    if (holds) return;
    ++failed_;
    if (failed_ < 20) std::fprintf(stderr, "rank %d: FAILED: %s\n", rank_, cat(words...).c_str());
  }
  [[nodiscard]] int failed() const { return failed_; }

 private:
  int rank_;
  int failed_ = 0;
};

void collectives_are_exact(MpiWorld& world, Expectations& expectations);
void shards_may_be_uneven(MpiWorld& world, Expectations& expectations);
void library_refuses_sums_of_16_bits(MpiWorld& world, Expectations& expectations);
void training_equals_threads(MpiWorld& world, Expectations& expectations);
void exchanges_in_both_directions(MpiWorld& world, Expectations& expectations);
void two_axes_and_streams(MpiWorld& world, Expectations& expectations);
void hooks_poison_and_records(MpiWorld& world, Expectations& expectations);
void world_says_the_same_everywhere(MpiWorld& world, Expectations& expectations);

/// Ends badly, by name: "die", "throw", "silent", "pushless", "disagree", "smaller", "sum16".
void fail_on_purpose(MpiWorld& world, const std::string& how);

}  // namespace convoy::tests
