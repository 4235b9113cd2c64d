#include "reference/plans/program_writer.h"

#include <algorithm>
#include <set>

#include "reference/schedule/region.h"

namespace convoy {
namespace {

/// A shape of at least `count` elements for a buffer that has none of its own; exactly `count` up to 2^30.
Shape flat_shape(std::int64_t count) {
  constexpr std::int64_t widest = 1 << 30;
  if (count <= widest) return {1, static_cast<int>(count), 1, 1};
  return {1, static_cast<int>((count + widest - 1) / widest), static_cast<int>(widest), 1};
}

}  // namespace

ProgramWriter::ProgramWriter(const Mesh& mesh, std::vector<int> coordinates, DType dtype)
    : mesh_(mesh), coordinates_(std::move(coordinates)), dtype_(dtype) {}

Region ProgramWriter::add_flat(const std::string& name, BufferKind kind, std::int64_t count, DType dtype) {
  program_.buffers.push_back({name, kind, dtype, flat_shape(count)});
  return {static_cast<int>(program_.buffers.size()) - 1, {0, count}};
}

PlacedTensor ProgramWriter::add_tensor(const std::string& name, BufferKind kind, const Box& box, State state,
                                       BufferLayout layout) {
  program_.buffers.push_back({name, kind, dtype_, box.shape(), layout});
  return {{static_cast<int>(program_.buffers.size()) - 1, {0, element_count(program_.buffers.back())}},
          box,
          std::move(state),
          layout};
}

PlacedTensor ProgramWriter::in_layout(const std::string& name, BufferKind kind, const PlacedTensor& tensor,
                                      BufferLayout layout) {
  if (tensor.layout == layout) return tensor;
  PlacedTensor other = add_tensor(name, kind, tensor.box, tensor.state, layout);
  compute(name + ".repack", {ComputeKind::repack,
                             -1,
                             {{Role::x, Access::read, tensor.region, tensor.box}, {Role::y, Access::write, other.region, other.box}},
                             {0, bytes(tensor.region), bytes(other.region)}});
  return other;
}

std::vector<int> ProgramWriter::awaited_by(const Op& op) const {
  const auto [reads, writes] = regions_of(op);
  std::set<int> ops;
  const auto touch = [&](const Region& region, bool writing) {
    for (const Pending& pending : pending_)
      if (pending.stream != op.stream && (writing || pending.writes) && overlap(pending.region, region)) ops.insert(pending.op);
  };
  for (const Region& region : reads) touch(region, false);
  for (const Region& region : writes) touch(region, true);
  return {ops.begin(), ops.end()};
}

/// Streams run in order, so what came before an op on its stream has ended as well.
void ProgramWriter::forget(const std::vector<int>& ended) {
  for (const int op : ended) {
    const int stream = program_.ops[static_cast<std::size_t>(op)].stream;
    std::erase_if(pending_, [&](const Pending& pending) { return pending.stream == stream && pending.op <= op; });
  }
}

int ProgramWriter::compute(std::string name, Compute compute, std::vector<int> after) {
  Op op{std::move(name), kComputeStream, std::move(after), std::move(compute)};
  op.after.insert(op.after.end(), awaited_.begin(), awaited_.end());
  awaited_.clear();
  for (const int awaited : awaited_by(op))
    if (std::find(op.after.begin(), op.after.end(), awaited) == op.after.end()) op.after.push_back(awaited);
  forget(op.after);
  program_.ops.push_back(std::move(op));
  return last_compute_ = static_cast<int>(program_.ops.size()) - 1;
}

int ProgramWriter::communicate(std::string name, int stream, int node, decltype(Op::action) action) {
  Op op{std::move(name), stream, {}, std::move(action), node};
  if (last_compute_ >= 0) op.after.push_back(last_compute_);
  const std::vector<int> others = awaited_by(op);
  op.after.insert(op.after.end(), others.begin(), others.end());
  const int id = static_cast<int>(program_.ops.size());
  const auto [reads, writes] = regions_of(op);
  for (const Region& region : reads) pending_.push_back({id, stream, region, false});
  for (const Region& region : writes) pending_.push_back({id, stream, region, true});
  program_.ops.push_back(std::move(op));
  return id;
}

void ProgramWriter::join() {
  std::set<int> last;
  for (const Pending& pending : pending_) {
    bool is_last = true;
    for (const Pending& other : pending_) is_last = is_last && (other.stream != pending.stream || other.op <= pending.op);
    if (is_last) last.insert(pending.op);
  }
  if (!last.empty()) compute("end", {ComputeKind::join, -1, {}, {}}, {last.begin(), last.end()});
}

int ProgramWriter::copy(std::string name, const std::vector<PlacedTensor>& from, const std::vector<PlacedTensor>& to,
                        ComputeKind kind) {
  Compute compute{kind, -1, {}, {}};
  for (const PlacedTensor& x : from) {
    compute.operands.push_back({Role::x, Access::read, x.region, x.box});
    if (kind == ComputeKind::sum) {
      compute.work.flops += static_cast<double>(x.box.count());
      compute.work.bytes_read += bytes(x.region);
    }
  }
  for (const PlacedTensor& y : to) {
    compute.operands.push_back({Role::y, Access::write, y.region, y.box});
    compute.work.bytes_written += bytes(y.region);
    if (kind == ComputeKind::copy) compute.work.bytes_read += bytes(y.region);
  }
  return this->compute(std::move(name), std::move(compute));
}

}  // namespace convoy
