/// Compute ops that move or add tensors and belong to no layer: zero, copy, sum, convert, and a bias added behind a sum over ranks.
#pragma once

#include <algorithm>
#include <array>

#include "reference/core/box.h"
#include "reference/train/compute_op.h"

namespace convoy {

template <class T>
void clear(const ComputeOp<T>& op, std::span<T> values) {
  if (op.device() != nullptr) return op.device()->fill(values.data(), 0, static_cast<std::int64_t>(values.size_bytes()));
  std::ranges::fill(values, T{});
}

/// Where the boxes of two operands meet.
inline cpu::Part meeting(const Box& from, const Box& to) {
  const Box both = intersection(from, to);
  const auto at = [](const Slice& part, const Slice& whole) { return static_cast<int>(part.offset - whole.offset); };
  if (both.empty()) return {};
  return {.from_n = at(both.n, from.n),
          .from_c = at(both.c, from.c),
          .from_h = at(both.h, from.h),
          .to_n = at(both.n, to.n),
          .to_c = at(both.c, to.c),
          .to_h = at(both.h, to.h),
          .n = static_cast<int>(both.n.count),
          .c = static_cast<int>(both.c.count),
          .h = static_cast<int>(both.h.count)};
}

/// Every y takes from every x what they have in common.
template <class T>
void copy_parts(const ComputeOp<T>& op) {
  op.operands.for_each(Role::y, [&](const Operand& y) {
    op.operands.for_each(Role::x, [&](const Operand& x) {
      if (const cpu::Part part = meeting(x.box, y.box); part.n > 0) op.kernels.copy_part(op.view_of(x), op.view_of(y), part);
    });
  });
}

/// `to` = the sum of all operands `from`, which have its shape.
template <class T>
void add_all(const ComputeOp<T>& op, Role from, Role to) {
  std::array<View<const T>, kMostTerms> terms;
  std::size_t count = 0;
  const View<T> sum = op.view(to);
  op.operands.for_each(from, [&](const Operand& x) {
    if (count == kMostTerms) {  // more go in several steps
      op.kernels.sum(terms, sum);
      terms[0] = sum;
      count = 1;
    }
    terms[count++] = op.view_of(x);
  });
  op.kernels.sum(std::span(terms).first(count), sum);
}

/// y = the sum of all x, each where it lies; 0 where none does.
template <class T>
void add_parts(const ComputeOp<T>& op) {
  const Operand& y = op.need(Role::y);
  bool same = true;
  op.operands.for_each(Role::x, [&](const Operand& x) { same = same && x.box == y.box; });
  if (same) return add_all(op, Role::x, Role::y);
  clear(op, op.flat(Role::y));
  op.operands.for_each(Role::x, [&](const Operand& x) {
    if (const cpu::Part part = meeting(x.box, y.box); part.n > 0) op.kernels.add_part(op.view_of(x), op.view_of(y), part);
  });
}

/// y = x in the type of y.
template <class T>
void convert(const ComputeOp<T>& op) {
  const Operand& x = op.need(Role::x);
  const Operand& y = op.need(Role::y);
  require(x.region.slice.count == y.region.slice.count, "CpuCompute", "op '", op.call.op.name, "' converts ",
          x.region.slice.count, " into ", y.region.slice.count, " elements");
  with_type(op.operands.type_of(x), [&](auto from_zero) {
    with_type(op.operands.type_of(y), [&](auto to_zero) {
      using To = decltype(to_zero);
      const auto* from = op.call.memory.template at<decltype(from_zero)>(x.region);
      To* to = op.call.memory.template at<To>(y.region);
      for (std::int64_t i = 0; i < x.region.slice.count; ++i) to[i] = static_cast<To>(static_cast<float>(from[i]));
    });
  });
}

/// y += the biases of the channels that y has here.
template <class T>
void add_bias(const ComputeOp<T>& op) {
  const Operand& bias = op.need(Role::bias);
  const Slice channels = op.need(Role::y).box.c;
  const View<T> all = op.view_of(bias);
  op.kernels.add_bias({all.data + (channels.offset - bias.box.c.offset), {1, static_cast<int>(channels.count), 1, 1}},
                      op.view(Role::y));
}

}  // namespace convoy
