#include "reference/plans/redistribute.h"

#include "reference/core/error.h"

namespace convoy {
namespace {

using Kind = Placement::Kind;

bool same(const Placement& a, const Placement& b) {
  return a.kind == b.kind && (a.kind != Kind::shard || (a.dim == b.dim && a.parts == b.parts && !a.terms && !b.terms));
}

/// One change on one axis.
class Change {
 public:
  Change(ProgramWriter& writer, const Box& whole, int axis, const RedistributeSettings& settings)
      : writer_(writer),
        whole_(whole),
        axis_(axis),
        settings_(settings),
        extent_(writer.extent(axis)),
        me_(writer.coordinate(axis)) {}

  PlacedTensor run(PlacedTensor tensor, const Placement& to) {
    const Placement from = tensor.state[a()];
    if (same(from, to)) return tensor;
    require(to.kind != Kind::partial, "redistribute", settings_.name, ": nothing can be made Partial again");
    switch (from.kind) {
      case Kind::replicate: return slice(tensor, with(tensor.state, to));
      case Kind::partial:
        if (to.kind == Kind::shard && is_partition(to, whole_.along(to.dim).count))
          return reduce_scatter(tensor, with(tensor.state, to));
        return run(all_reduce(std::move(tensor)), to);
      case Kind::shard: break;
    }
    if (to.kind == Kind::shard) return exchange(tensor, with(tensor.state, to));
    if (!from.terms) return all_gather(tensor);
    const std::vector<Slice> even = even_parts(whole_.along(from.dim).count, extent_);
    return all_gather(exchange(tensor, with(tensor.state, sharded(from.dim, even))));
  }

 private:
  [[nodiscard]] std::size_t a() const { return static_cast<std::size_t>(axis_); }
  [[nodiscard]] State with(State state, const Placement& placement) const {
    state[a()] = placement;
    return state;
  }
  /// The box of the rank with this coordinate on the axis.
  [[nodiscard]] Box box_at(const State& state, int coordinate) const {
    std::vector<int> coordinates = writer_.coordinates();
    coordinates[a()] = coordinate;
    return local_box(whole_, state, coordinates);
  }
  [[nodiscard]] std::string name(const char* what) const { return settings_.name + "." + what; }
  static Region inside(const PlacedTensor& tensor, const Box& part) {
    return {tensor.region.buffer, {tensor.region.slice.offset + offset_of(part, tensor.box), part.count()}};
  }

  PlacedTensor slice(const PlacedTensor& tensor, const State& state) {
    const Box box = box_at(state, me_);
    if (is_contiguous(box, tensor.box)) return {inside(tensor, box), box, state};
    PlacedTensor part = writer_.add_tensor(name("slice"), settings_.kind, box, state);
    writer_.copy(name("slice"), {tensor}, {part});
    return part;
  }

  void collective(const char* what, CollectiveKind kind, const Region& region, std::vector<std::int64_t> bounds) {
    const int id = writer_.next_id();
    if (region.slice.count == 0) return;
    bool even = true;
    for (int k = 0; !bounds.empty() && k <= extent_; ++k)
      even = even && bounds[static_cast<std::size_t>(k)] ==
                         (k < extent_ ? shard(region.slice.count, extent_, k).offset : region.slice.count);
    if (even) bounds.clear();
    writer_.communicate(name(what), kActivationStream, settings_.node,
                        Collective{.kind = kind,
                                   .algorithm = "ring",
                                   .axis = axis_,
                                   .id = id,
                                   .root = 0,
                                   .chunks = 1,
                                   .region = region,
                                   .bounds = std::move(bounds)});
  }

  PlacedTensor all_reduce(PlacedTensor tensor) {
    collective("all_reduce", CollectiveKind::all_reduce, tensor.region, {});
    tensor.state[a()] = replicated();
    return tensor;
  }

  /// The parts of all ranks, one after the other, and where each begins.
  struct Segments {
    std::vector<PlacedTensor> parts;
    std::vector<std::int64_t> bounds;
    bool in_place = true;  ///< together they are the tensor itself
  };
  [[nodiscard]] Segments segments(const State& state, const Box& full, int buffer, std::int64_t offset) const {
    Segments s;
    std::int64_t at = 0;
    for (int k = 0; k < extent_; ++k) {
      const Box box = box_at(state, k);
      s.in_place = s.in_place && is_contiguous(box, full) && (box.empty() || offset_of(box, full) == at);
      s.bounds.push_back(at);
      s.parts.push_back({{buffer, {offset + at, box.count()}}, box, state});
      at += box.count();
    }
    s.bounds.push_back(at);
    require(at == full.count(), "redistribute", settings_.name, ": the shards hold ", at, " of ", full.count(), " elements");
    return s;
  }

  PlacedTensor reduce_scatter(const PlacedTensor& tensor, const State& state) {
    Segments s = segments(state, tensor.box, tensor.region.buffer, tensor.region.slice.offset);
    Region region = tensor.region;
    if (!s.in_place) {
      region = writer_.add_flat(name("packed"), BufferKind::workspace, tensor.box.count());
      s = segments(state, tensor.box, region.buffer, 0);
      writer_.copy(name("pack"), {tensor}, s.parts);
    }
    collective("reduce_scatter", CollectiveKind::reduce_scatter, region, s.bounds);
    return s.parts[static_cast<std::size_t>(me_)];
  }

  PlacedTensor all_gather(const PlacedTensor& tensor) {
    const State state = with(tensor.state, replicated());
    const Box full = box_at(state, me_);
    PlacedTensor gathered = writer_.add_tensor(name("gathered"), settings_.kind, full, state);
    const Segments s = segments(tensor.state, full, gathered.region.buffer, 0);
    const PlacedTensor& mine = s.parts[static_cast<std::size_t>(me_)];
    writer_.copy(name("pack"), {tensor}, {mine});
    collective("all_gather", CollectiveKind::all_gather, gathered.region, s.bounds);
    if (s.in_place) return gathered;
    PlacedTensor unpacked = writer_.add_tensor(name("unpacked"), settings_.kind, full, state);
    writer_.copy(name("unpack"), s.parts, {unpacked});
    return unpacked;
  }

  /// Every rank sends every other what that one wants of its part, and puts together what it gets.
  PlacedTensor exchange(const PlacedTensor& tensor, const State& state) {
    const Box target = box_at(state, me_);
    std::vector<PlacedTensor> packed;
    std::vector<PlacedTensor> sent;
    for (int s = 1; s < extent_; ++s) {
      const Box out = intersection(tensor.box, box_at(state, (me_ + s) % extent_));
      if (is_contiguous(out, tensor.box)) {
        sent.push_back(
            {out.empty() ? Region{tensor.region.buffer, {tensor.region.slice.offset, 0}} : inside(tensor, out), out, {}});
      } else {
        sent.push_back(writer_.add_tensor(name(cat("send", s).c_str()), BufferKind::workspace, out, {}));
        packed.push_back(sent.back());
      }
    }
    if (!packed.empty()) writer_.copy(name("pack"), {tensor}, packed);
    std::vector<PlacedTensor> pieces;
    if (!intersection(tensor.box, target).empty()) pieces.push_back(tensor);
    for (int s = 1; s < extent_; ++s) move(s, sent[static_cast<std::size_t>(s - 1)], tensor.state, target, pieces);
    if (settings_.meanwhile) settings_.meanwhile();
    const bool adds = tensor.state[a()].terms;
    const bool mine_alone =
        pieces.size() == 1 && pieces.front().region == tensor.region && intersection(tensor.box, target) == target;
    if (mine_alone && is_contiguous(target, tensor.box)) return {inside(tensor, target), target, state};
    PlacedTensor result = writer_.add_tensor(name("whole"), settings_.kind, target, state);
    if (target.empty()) return result;
    std::int64_t found = 0;
    for (const PlacedTensor& piece : pieces) found += intersection(piece.box, target).count();
    require(adds || found == target.count(), "redistribute", settings_.name, ": found ", found, " of ", target.count(),
            " elements");
    writer_.copy(name("unpack"), pieces, {result}, adds ? ComputeKind::sum : ComputeKind::copy);
    return result;
  }

  /// The exchange with the ranks `distance` ahead (to send to) and behind (to receive from).
  void move(int distance, const PlacedTensor& sent, const State& from, const Box& target, std::vector<PlacedTensor>& pieces) {
    const int id = writer_.next_id();
    const Box in = intersection(box_at(from, (me_ - distance + extent_) % extent_), target);
    Exchange exchange;
    if (!sent.box.empty()) exchange.send = Message{{axis_, distance}, sent.region, id};
    if (!in.empty()) {
      pieces.push_back(writer_.add_tensor(name(cat("recv", distance).c_str()), BufferKind::workspace, in, {}));
      exchange.recv = Message{{axis_, -distance}, pieces.back().region, id};
    }
    if (exchange.send || exchange.recv)
      writer_.communicate(name(cat("exchange", distance).c_str()), kActivationStream, settings_.node, std::move(exchange));
  }

  ProgramWriter& writer_;
  const Box& whole_;
  int axis_;
  const RedistributeSettings& settings_;
  int extent_;
  int me_;
};

}  // namespace

PlacedTensor redistribute(ProgramWriter& writer, PlacedTensor tensor, const State& to, const Box& whole,
                          const RedistributeSettings& settings) {
  for (int axis = 0; axis < static_cast<int>(to.size()); ++axis) {
    RedistributeSettings here = settings;
    int changes = 0;
    for (std::size_t b = 0; b < to.size(); ++b) changes += same(tensor.state[b], to[b]) ? 0 : 1;
    if (changes > 1) here.name += "." + writer.mesh().axes[static_cast<std::size_t>(axis)].name;
    tensor = Change(writer, whole, axis, here).run(std::move(tensor), to[static_cast<std::size_t>(axis)]);
  }
  return tensor;
}

bool communicates(const State& from, const State& to) {
  for (std::size_t axis = 0; axis < to.size(); ++axis)
    if (from[axis].kind != Kind::replicate && !same(from[axis], to[axis])) return true;
  return false;
}

}  // namespace convoy
