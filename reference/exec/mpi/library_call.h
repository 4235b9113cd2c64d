/// LibraryCall: a collective of a schedule as nonblocking calls of MPI's own.
#pragma once

#include <mpi.h>

#include <cstdint>
#include <vector>

#include "reference/core/tensor.h"
#include "reference/schedule/schedule.h"

namespace convoy {

/// What a collective is done to, and by whom.
struct LibraryOperand {
  MPI_Comm group = MPI_COMM_NULL;  ///< the ranks along the axis, by coordinate; for this stream only
  DType dtype = DType::f32;
  std::byte* data = nullptr;  ///< of the whole region
  std::int64_t largest_count = INT32_MAX;
};

/// Throws InputError, naming the first, when a schedule has collectives that MPI cannot carry out: sums of 16-bit elements, for
/// which it has no type, and shards further into a region than its displacements reach. What is only copied may have any type.
void require_library_calls(const Schedule& schedule);

/// One collective under way. What has more elements than a count of MPI can hold goes as several calls, one after the other.
class LibraryCall {
 public:
  /// Of a schedule that require_library_calls() has nothing against.
  LibraryCall(const CollectiveRequest& request, CollectiveKind kind, const LibraryOperand& operand);

  /// Starts the next call when the last has ended. Returns whether anything moved.
  bool advance();
  [[nodiscard]] bool is_done() const { return done_; }

 private:
  void start();
  void start_part(const Slice& part);
  void finish();

  CollectiveRequest request_;
  CollectiveKind kind_;
  LibraryOperand operand_;
  MPI_Datatype type_ = MPI_DATATYPE_NULL;
  MPI_Request call_ = MPI_REQUEST_NULL;
  std::vector<int> counts_, offsets_;  ///< of every rank's shard
  AlignedArray<std::byte> shard_;      ///< the result of a reduce-scatter, which MPI does not put in place
  std::int64_t next_ = 0;              ///< first element that no call has been started for
  bool done_ = false;
};

}  // namespace convoy
