/// ProgramWriter: writes the ops and buffers of one class of ranks, and orders every op behind those whose data it touches.
#pragma once

#include <string>
#include <vector>

#include "reference/plans/placement.h"
#include "reference/schedule/schedule.h"

namespace convoy {

/// A part of a tensor in a rank's memory, and where the other ranks have theirs.
struct PlacedTensor {
  Region region;
  Box box;
  State state;
  BufferLayout layout = BufferLayout::nchw;
};

class ProgramWriter {
 public:
  /// For the rank with these coordinates; `dtype` is that of all buffers for which none is given.
  ProgramWriter(const Mesh& mesh, std::vector<int> coordinates, DType dtype);

  Region add_flat(const std::string& name, BufferKind kind, std::int64_t count) { return add_flat(name, kind, count, dtype_); }
  Region add_flat(const std::string& name, BufferKind kind, std::int64_t count, DType dtype);
  PlacedTensor add_tensor(const std::string& name, BufferKind kind, const Box& box, State state,
                          BufferLayout layout = BufferLayout::nchw);

  /// Appends a compute op. It waits for every communication op that touches what it touches.
  int compute(std::string name, Compute compute, std::vector<int> after = {});
  /// The next compute op comes after these, too.
  void await(const std::vector<int>& ops) { awaited_.insert(awaited_.end(), ops.begin(), ops.end()); }
  /// Appends a communication op behind all compute ops so far, and behind other streams that touch what it touches.
  int communicate(std::string name, int stream, int node, decltype(Op::action) action);
  /// Orders the end of the step behind all communication that nothing waits for yet.
  void join();

  /// y = x by boxes: see ComputeKind::copy and sum. Work is counted here.
  int copy(std::string name, const std::vector<PlacedTensor>& from, const std::vector<PlacedTensor>& to,
           ComputeKind kind = ComputeKind::copy);

  /// The tensor in this layout: itself, or what a repack op makes of it in a new buffer.
  PlacedTensor in_layout(const std::string& name, BufferKind kind, const PlacedTensor& tensor, BufferLayout layout);

  /// A number for a message or collective. All ranks ask in the same order, whether they take part or not.
  int next_id() { return next_id_++; }

  [[nodiscard]] const Mesh& mesh() const { return mesh_; }
  [[nodiscard]] int extent(int axis) const { return mesh_.axes[static_cast<std::size_t>(axis)].extent; }
  [[nodiscard]] int coordinate(int axis) const { return coordinates_[static_cast<std::size_t>(axis)]; }
  [[nodiscard]] const std::vector<int>& coordinates() const { return coordinates_; }
  [[nodiscard]] double bytes(const Region& region) const { return static_cast<double>(region_bytes(program_, region)); }
  [[nodiscard]] DType dtype() const { return dtype_; }
  Program take() { return std::move(program_); }
  Program& program() { return program_; }

 private:
  /// A region that a communication op touches and that no compute op has waited for yet.
  struct Pending {
    int op;
    int stream;
    Region region;
    bool writes;
  };
  /// Communication ops that `op` must come after.
  std::vector<int> awaited_by(const Op& op) const;
  void forget(const std::vector<int>& ended);

  const Mesh& mesh_;
  std::vector<int> coordinates_;
  DType dtype_;
  Program program_;
  std::vector<Pending> pending_;
  std::vector<int> awaited_;  ///< by the next compute op
  int last_compute_ = -1;
  int next_id_ = 0;
};

}  // namespace convoy
