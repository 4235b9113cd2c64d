/// View and Tensor: memory with a shape. A View does not own; a Tensor does.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>

#include "reference/core/shape.h"

namespace convoy {

/// Every buffer starts on a cache line, which is also the widest vector of today's processors.
inline constexpr std::size_t kAlignment_bytes = 64;

/// A pointer and a shape over memory owned by somebody else, row-major NCHW.
template <class T>
struct View {
  T* data = nullptr;
  Shape shape;

  /// Element (n, c, h, w). Not bounds-checked: the loops of the kernels are the hot path.
  T& operator()(int n, int c, int h, int w) const { return data[((std::int64_t{n} * shape.c + c) * shape.h + h) * shape.w + w]; }
  [[nodiscard]] std::int64_t count() const { return shape.count(); }
  [[nodiscard]] std::span<T> span() const { return {data, static_cast<std::size_t>(count())}; }
  /// A View of const elements can be made from one of mutable elements, never the other way.
  // NOLINTNEXTLINE(google-explicit-constructor)
  operator View<const T>() const { return {data, shape}; }
};

/// Uninitialised memory on a 64-byte boundary, freed on destruction.
template <class T>
class AlignedArray {
 public:
  AlignedArray() = default;
  explicit AlignedArray(std::int64_t count) : count_(count) {
    if (count > 0)
      data_.reset(
          static_cast<T*>(::operator new (static_cast<std::size_t>(count) * sizeof(T), std::align_val_t{kAlignment_bytes})));
  }
  [[nodiscard]] T* data() const { return data_.get(); }
  [[nodiscard]] std::int64_t count() const { return count_; }

 private:
  struct Free {
    void operator()(T* memory) const { ::operator delete (memory, std::align_val_t{kAlignment_bytes}); }
  };
  std::unique_ptr<T, Free> data_;
  std::int64_t count_ = 0;
};

/// An owning tensor on the host, filled with zeros (or the value given) when made.
template <class T>
class Tensor {
 public:
  Tensor() = default;
  explicit Tensor(Shape shape, T value = T{}) : shape_(shape), memory_(shape.count()) { fill(value); }

  [[nodiscard]] const Shape& shape() const { return shape_; }
  [[nodiscard]] std::int64_t count() const { return shape_.count(); }
  [[nodiscard]] T* data() { return memory_.data(); }
  [[nodiscard]] const T* data() const { return memory_.data(); }
  [[nodiscard]] std::span<T> span() { return {data(), static_cast<std::size_t>(count())}; }
  [[nodiscard]] std::span<const T> span() const { return {data(), static_cast<std::size_t>(count())}; }
  [[nodiscard]] View<T> view() { return {data(), shape_}; }
  [[nodiscard]] View<const T> view() const { return {data(), shape_}; }
  void fill(T value) { std::fill_n(data(), count(), value); }

 private:
  Shape shape_{0, 0, 0, 0};
  AlignedArray<T> memory_;
};

}  // namespace convoy
