/// Operands: the operands of one compute op by role, as memory.
#pragma once

#include <algorithm>
#include <span>

#include "reference/core/error.h"
#include "reference/core/tensor.h"
#include "reference/exec/exec.h"

namespace convoy {

/// Tensors that one call of a kernel adds at most, so that nothing is allocated for them. Networks add fewer.
inline constexpr std::size_t kMostTerms = 16;

class Operands {
 public:
  explicit Operands(const ComputeCall& call) : call_(call) {}

  /// The first operand with this role; null when there is none.
  [[nodiscard]] const Operand* find(Role role) const { return next(role, call_.compute.operands.data()); }
  /// The first one. Throws std::invalid_argument naming the op when there is none.
  [[nodiscard]] const Operand& need(Role role) const {
    const Operand* operand = find(role);
    require(operand != nullptr, "CpuCompute", "op '", call_.op.name, "' has no ", to_string(role));
    return *operand;
  }
  /// The second one.
  [[nodiscard]] const Operand& second(Role role) const {
    const Operand* operand = next(role, &need(role) + 1);
    require(operand != nullptr, "CpuCompute", "op '", call_.op.name, "' has no second ", to_string(role));
    return *operand;
  }
  template <class Visit>
  void for_each(Role role, const Visit& visit) const {
    for (const Operand& operand : call_.compute.operands)
      if (operand.role == role) visit(operand);
  }

  [[nodiscard]] const Buffer& buffer_of(const Operand& operand) const {
    return call_.schedule.program(call_.rank).buffers[static_cast<std::size_t>(operand.region.buffer)];
  }
  [[nodiscard]] DType type_of(const Operand& operand) const { return buffer_of(operand).dtype; }
  [[nodiscard]] BufferLayout layout_of(const Operand& operand) const { return buffer_of(operand).layout; }

  /// The elements of the operand with this role.
  template <class T>
  [[nodiscard]] std::span<T> flat(Role role) const {
    const Operand& operand = need(role);
    return {call_.memory.at<T>(operand.region), static_cast<std::size_t>(operand.region.slice.count)};
  }
  /// An operand in the layout nchw with its shape.
  template <class T>
  [[nodiscard]] View<T> view_of(const Operand& operand) const {
    require(operand.region.slice.count == operand.box.count() && layout_of(operand) == BufferLayout::nchw, "CpuCompute", "op '",
            call_.op.name, "': ", to_string(operand.role), " has ", operand.region.slice.count, " elements in layout ",
            to_string(layout_of(operand)), ", expected ", to_string(operand.box.shape()), " in nchw");
    return {call_.memory.at<T>(operand.region), operand.box.shape()};
  }
  template <class T>
  [[nodiscard]] View<T> view(Role role) const {
    return view_of<T>(need(role));
  }
  /// A learned tensor that a layer may do without; no data when it does.
  template <class T>
  [[nodiscard]] View<T> optional_view(Role role) const {
    const Operand* operand = find(role);
    return operand != nullptr ? view_of<T>(*operand) : View<T>{nullptr, {0, 0, 0, 0}};
  }

 private:
  [[nodiscard]] const Operand* next(Role role, const Operand* from) const {
    const Operand* end = call_.compute.operands.data() + call_.compute.operands.size();
    const Operand* found = std::find_if(from, end, [&](const Operand& operand) { return operand.role == role; });
    return found == end ? nullptr : found;
  }

  const ComputeCall& call_;
};

}  // namespace convoy
