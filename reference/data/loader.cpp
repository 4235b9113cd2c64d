#include "reference/data/loader.h"

#include <algorithm>
#include <chrono>

#include "reference/core/error.h"

namespace convoy {

BatchLoader::BatchLoader(const Dataset& data, int threads, int depth)
    : data_(data), thread_count_(threads), ring_(static_cast<std::size_t>(depth)) {
  require(threads >= 1 && depth >= 1, "BatchLoader", threads, " threads, ", depth, " batches");
}

BatchLoader::~BatchLoader() { end(); }

void BatchLoader::begin(const LoadOrder& order) {
  require(threads_.empty(), "BatchLoader::begin", "the order before has not ended");
  require(order.takers >= 1 && order.sample_at, "BatchLoader::begin", order.takers, " takers");
  order_ = order;
  const auto wanted = static_cast<std::size_t>(order.positions.count * data_.image.sample_count());
  for (Batch& batch : ring_) {
    batch.step = -1;
    batch.takers_left = 0;
    batch.ready = false;
    if (batch.images.size() < wanted) batch.images.resize(wanted);
  }
  next_ = order.first_step;
  stop_ = false;
  failure_ = nullptr;
  for (int i = 0; i < thread_count_; ++i) threads_.emplace_back([this] { work(); });
}

void BatchLoader::end() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  freed_.notify_all();
  filled_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

/// The next step for a thread, once its place in the ring is free; false when there is nothing more to do.
bool BatchLoader::claim(std::int64_t& step) {
  std::unique_lock lock(mutex_);
  if (stop_ || next_ >= order_.first_step + order_.steps) return false;
  step = next_++;
  Batch& batch = batch_of(step);
  freed_.wait(lock,
              [&] { return stop_ || (batch.takers_left == 0 && (batch.step < 0 || batch.step == step - std::ssize(ring_))); });
  if (stop_) return false;
  batch.step = step;
  batch.takers_left = order_.takers;
  batch.ready = false;
  return true;
}

void BatchLoader::work() {
  Picture scratch;
  try {
    for (std::int64_t step = 0; claim(step);) {
      Batch& batch = batch_of(step);
      const std::int64_t image = data_.image.sample_count();
      for (std::int64_t i = 0; i < order_.positions.count; ++i)
        write_sample(data_, order_.sample_at(step, order_.positions.offset + i), order_.augmentation, order_.key, scratch,
                     batch.images.data() + i * image);
      const std::lock_guard lock(mutex_);
      batch.ready = true;
      filled_.notify_all();
    }
  } catch (...) {
    const std::lock_guard lock(mutex_);
    failure_ = std::current_exception();
    stop_ = true;
    filled_.notify_all();
    freed_.notify_all();
  }
}

void BatchLoader::take(std::int64_t step, const Slice& positions, float* out) {
  const std::int64_t first = positions.offset - order_.positions.offset, image = data_.image.sample_count();
  require(positions.count == 0 || (first >= 0 && first + positions.count <= order_.positions.count), "BatchLoader::take",
          "positions ", positions.offset, " to ", positions.end(), " of ", order_.positions.offset, " to ",
          order_.positions.end());
  Batch& batch = batch_of(step);
  {
    std::unique_lock lock(mutex_);
    const auto there = [&] { return stop_ || (batch.step == step && batch.ready); };
    if (!there()) {
      const auto start = std::chrono::steady_clock::now();
      filled_.wait(lock, there);
      waited_s_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    }
    if (failure_) std::rethrow_exception(failure_);
    require(batch.step == step && batch.ready, "BatchLoader::take", "step ", step, " after the end");
  }
  if (positions.count > 0) std::copy_n(batch.images.data() + first * image, positions.count * image, out);
  const std::lock_guard lock(mutex_);
  if (--batch.takers_left == 0) freed_.notify_all();
}

double BatchLoader::waited_s() const {
  const std::lock_guard lock(mutex_);
  return waited_s_;
}

void BatchLoader::reset_waiting() {
  const std::lock_guard lock(mutex_);
  waited_s_ = 0;
}

std::exception_ptr BatchLoader::failure() const {
  const std::lock_guard lock(mutex_);
  return failure_;
}

}  // namespace convoy
