#include "reference/exec/mpi/library_call.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <variant>

#include "reference/core/error.h"
#include "reference/exec/mpi/world_impl.h"

namespace convoy {
namespace {

/// Elements that are only copied go as what has their size.
MPI_Datatype mpi_type(DType dtype) {
  switch (dtype) {
    case DType::f32: return MPI_FLOAT;
    case DType::f64: return MPI_DOUBLE;
    case DType::f16:
    case DType::bf16: return MPI_UINT16_T;
  }
  return MPI_DATATYPE_NULL;
}

void require_library_call(const std::string& name, const Collective& collective, DType dtype) {
  const std::int64_t count = collective.region.slice.count;
  if (is_reduction(collective.kind) && size_bytes(dtype) < 4)
    throw InputError(cat("MPI cannot add elements of type ", to_string(dtype), ", as the ", to_string(collective.kind), " '",
                         name, "' would have it do; use --collectives ours"));
  if (has_shards(collective.kind) && count > INT32_MAX)
    throw InputError(cat("'", name, "', a ", to_string(collective.kind), " of ", count,
                         " elements, is more than MPI can address, ", INT32_MAX, "; use --collectives ours"));
}

}  // namespace

void require_library_calls(const Schedule& schedule) {
  for (const Program& program : schedule.programs)
    for (const Op& op : program.ops)
      if (const auto* collective = std::get_if<Collective>(&op.action))
        require_library_call(op.name, *collective, program.buffers.at(static_cast<std::size_t>(collective->region.buffer)).dtype);
}

LibraryCall::LibraryCall(const CollectiveRequest& request, CollectiveKind kind, const LibraryOperand& operand)
    : request_(request), kind_(kind), operand_(operand), type_(mpi_type(operand.dtype)) {
  if (has_shards(kind)) {
    for (int r = 0; r < request.world_size; ++r) {
      const Slice part = part_of(request, r);
      counts_.push_back(static_cast<int>(part.count));
      offsets_.push_back(static_cast<int>(part.offset));
    }
  }
  if (kind == CollectiveKind::reduce_scatter)
    shard_ = AlignedArray<std::byte>(counts_[static_cast<std::size_t>(request.rank)] * size_bytes(operand.dtype));
  start();
}

void LibraryCall::start() {
  if (next_ == request_.count) {
    done_ = true;
    return;
  }
  const Slice rest{next_, request_.count - next_};
  const Slice part = has_shards(kind_) ? rest : Slice{rest.offset, std::min(rest.count, operand_.largest_count)};
  start_part(part);
  next_ = part.end();
}

void LibraryCall::start_part(const Slice& part) {
  std::byte* at = operand_.data + part.offset * size_bytes(operand_.dtype);
  const int count = static_cast<int>(part.count);
  switch (kind_) {
    case CollectiveKind::all_reduce:
      return require_mpi(MPI_Iallreduce(MPI_IN_PLACE, at, count, type_, MPI_SUM, operand_.group, &call_), "MPI_Iallreduce");
    case CollectiveKind::reduce: {
      const bool root = request_.rank == request_.root;
      return require_mpi(MPI_Ireduce(root ? MPI_IN_PLACE : at, root ? at : nullptr, count, type_, MPI_SUM, request_.root,
                                     operand_.group, &call_),
                         "MPI_Ireduce");
    }
    case CollectiveKind::broadcast:
      return require_mpi(MPI_Ibcast(at, count, type_, request_.root, operand_.group, &call_), "MPI_Ibcast");
    case CollectiveKind::all_gather:
      return require_mpi(
          MPI_Iallgatherv(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, at, counts_.data(), offsets_.data(), type_, operand_.group, &call_),
          "MPI_Iallgatherv");
    case CollectiveKind::reduce_scatter:
      return require_mpi(MPI_Ireduce_scatter(at, shard_.data(), counts_.data(), type_, MPI_SUM, operand_.group, &call_),
                         "MPI_Ireduce_scatter");
    case CollectiveKind::all_to_all:  // all shards have one size
      return require_mpi(MPI_Ialltoall(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, at, counts_[0], type_, operand_.group, &call_),
                         "MPI_Ialltoall");
  }
}

void LibraryCall::finish() {
  if (kind_ == CollectiveKind::reduce_scatter && shard_.count() > 0)
    std::memcpy(operand_.data + offsets_[static_cast<std::size_t>(request_.rank)] * size_bytes(operand_.dtype), shard_.data(),
                static_cast<std::size_t>(shard_.count()));
  start();
}

bool LibraryCall::advance() {
  if (done_) return false;
  int ended = 0;
  require_mpi(MPI_Test(&call_, &ended, MPI_STATUS_IGNORE), "MPI_Test");
  if (ended != 0) finish();
  return ended != 0;
}

}  // namespace convoy
