/// BatchLoader: threads that prepare the images of coming steps while the network trains on earlier ones.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "reference/core/shard.h"
#include "reference/data/sample.h"

namespace convoy {

/// What is to be prepared: for every step from first_step on the images at `positions` of its batch.
struct LoadOrder {
  std::int64_t first_step = 0;
  std::int64_t steps = 0;
  Slice positions;  ///< that somebody here takes
  int takers = 1;   ///< calls of take() for every step
  /// Index in the data set of the image at a position of a step's batch; must outlive the order.
  std::function<std::int64_t(std::int64_t step, std::int64_t position)> sample_at;
  const Augmentation* augmentation = nullptr;
  VariationKey key = {};
};

/// A ring of prepared batches between its threads, which fill them in order, and ranks, which take their parts in order. Memory for
/// the batches is made when an order wants more than the one before, and never while one is carried out.
class BatchLoader {
 public:
  /// `data` must outlive this; `depth` batches are prepared at most.
  BatchLoader(const Dataset& data, int threads, int depth = 4);
  ~BatchLoader();
  BatchLoader(const BatchLoader&) = delete;
  BatchLoader& operator=(const BatchLoader&) = delete;

  /// Begins an order; the one before must have ended.
  void begin(const LoadOrder& order);
  /// Copies the images at some positions of a step to out, waiting until they are there. Throws what went wrong in a thread.
  void take(std::int64_t step, const Slice& positions, float* out);
  /// Stops the threads, also in the middle of an order.
  void end();

  /// Seconds that all calls of take() have waited, together, since reset_waiting().
  [[nodiscard]] double waited_s() const;
  void reset_waiting();
  /// What went wrong in a thread, null: nothing.
  [[nodiscard]] std::exception_ptr failure() const;

 private:
  struct Batch {
    std::int64_t step = -1;
    int takers_left = 0;  ///< 0: free
    bool ready = false;
    std::vector<float> images;
  };
  void work();
  bool claim(std::int64_t& step);
  [[nodiscard]] Batch& batch_of(std::int64_t step) {
    return ring_[static_cast<std::size_t>(step % static_cast<std::int64_t>(ring_.size()))];
  }

  const Dataset& data_;
  int thread_count_;
  LoadOrder order_;
  std::vector<Batch> ring_;
  std::vector<std::thread> threads_;
  mutable std::mutex mutex_;
  std::condition_variable freed_, filled_;
  std::int64_t next_ = 0;  ///< the next step that a thread takes on
  bool stop_ = false;
  double waited_s_ = 0;
  std::exception_ptr failure_;
};

}  // namespace convoy
