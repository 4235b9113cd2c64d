/// redistribute(): which ops every change of placement appends, on which elements.
#include "reference/plans/redistribute.h"

#include "reference/core/error.h"
#include "tests/catch.h"

using namespace convoy;

namespace {

const Mesh kMesh{{{"model", 3}}};
const Box kWhole = box_of({6, 5, 7, 2});
constexpr int kRanks = 3;

/// What one rank's program has after a change of placement on one axis.
struct Change {
  PlacedTensor before, after;
  Program program;

  /// "pack copy", "all_gather all_gather", ...: the name behind "t." and the kind of every op.
  [[nodiscard]] std::vector<std::string> ops() const {
    std::vector<std::string> all;
    for (const Op& op : program.ops) {
      std::string kind = "exchange";
      if (const auto* compute = std::get_if<Compute>(&op.action)) kind = to_string(compute->kind);
      if (const auto* collective = std::get_if<Collective>(&op.action)) kind = to_string(collective->kind);
      all.push_back(op.name.substr(2) + " " + kind);
    }
    return all;
  }
  [[nodiscard]] const Collective& collective() const {
    for (const Op& op : program.ops)
      if (const auto* found = std::get_if<Collective>(&op.action)) return *found;
    throw std::invalid_argument("no collective");
  }
};

Change change(const Placement& from, const Placement& to, int rank, const Box& whole = kWhole) {
  ProgramWriter writer(kMesh, {rank}, DType::f32);
  Change made;
  made.before = writer.add_tensor("t", BufferKind::activation, local_box(whole, {from}, {rank}), {from});
  made.after = redistribute(writer, made.before, {to}, whole, {.name = "t", .node = 7});
  made.program = writer.take();
  for (const Op& op : made.program.ops)
    if (!std::holds_alternative<Compute>(op.action)) REQUIRE((op.node == 7 && op.stream == kActivationStream));
  REQUIRE(made.after.box == local_box(whole, {to}, {rank}));
  REQUIRE(made.after.state == State{to});
  REQUIRE(made.after.region.slice.count == made.after.box.count());
  return made;
}

using Ops = std::vector<std::string>;
using Bounds = std::vector<std::int64_t>;
const Placement kBatch = sharded(Dim::batch, even_parts(6, kRanks));
const Placement kChannels = sharded(Dim::channels, even_parts(5, kRanks));  // 1, 2 and 2
const Placement kRows = sharded(Dim::rows, even_parts(7, kRanks));          // 2, 2 and 3
const Placement kHalo = sharded(Dim::rows, {{0, 3}, {1, 4}, {3, 4}});

Placement terms(Placement placement) {
  placement.terms = true;
  return placement;
}

}  // namespace

TEST_CASE("what lies where it is needed is used where it is") {
  for (const Placement& placement : {replicated(), partial(), kBatch, kChannels, kHalo})
    for (int rank = 0; rank < kRanks; ++rank) {
      const Change c = change(placement, placement, rank);
      REQUIRE(c.ops().empty());
      REQUIRE(c.after.region == c.before.region);
    }
}

TEST_CASE("Partial to Replicate is an all-reduce in place") {
  const Change c = change(partial(), replicated(), 1);
  REQUIRE(c.ops() == Ops{"all_reduce all_reduce"});
  REQUIRE(c.collective().region == Region{0, {0, kWhole.count()}});
  REQUIRE(c.collective().bounds.empty());
  REQUIRE(c.after.region == c.before.region);
}

TEST_CASE("Partial to Shard is a reduce-scatter, of packed elements where shards are no runs") {
  for (int rank = 0; rank < kRanks; ++rank) {
    const Change by_batch = change(partial(), kBatch, rank);  // 2 images each: even, and where they are
    REQUIRE(by_batch.ops() == Ops{"reduce_scatter reduce_scatter"});
    REQUIRE(by_batch.collective().bounds.empty());
    REQUIRE(by_batch.after.region == Region{0, {rank * 140, 140}});

    const Change by_channels = change(partial(), kChannels, rank);
    REQUIRE(by_channels.ops() == Ops{"pack copy", "reduce_scatter reduce_scatter"});
    REQUIRE(by_channels.collective().bounds == Bounds{0, 84, 252, 420});  // 6 images of 1, 2 and 2 channels of 14
    REQUIRE(by_channels.collective().region.slice.count == 420);
    REQUIRE(by_channels.after.region.buffer == by_channels.collective().region.buffer);
    REQUIRE(by_channels.after.region.slice == (rank == 0 ? Slice{0, 84} : rank == 1 ? Slice{84, 168} : Slice{252, 168}));
  }
}

TEST_CASE("Partial to rows that overlap, or leave some out, is an all-reduce and a slice") {
  const Placement gaps = sharded(Dim::rows, {{0, 1}, {2, 1}, {4, 1}});  // windows of 1 row at a stride of 2
  for (const Placement& to : {kHalo, gaps}) REQUIRE(change(partial(), to, 1).ops() == Ops{"all_reduce all_reduce", "slice copy"});
}

TEST_CASE("Shard to Replicate is an all-gather, unpacked where shards are no runs") {
  for (int rank = 0; rank < kRanks; ++rank) {
    const Change by_batch = change(kBatch, replicated(), rank);
    REQUIRE(by_batch.ops() == Ops{"pack copy", "all_gather all_gather"});
    REQUIRE(by_batch.collective().bounds.empty());
    REQUIRE(by_batch.after.region == by_batch.collective().region);

    const Change by_rows = change(kRows, replicated(), rank);
    REQUIRE(by_rows.ops() == Ops{"pack copy", "all_gather all_gather", "unpack copy"});
    REQUIRE(by_rows.collective().bounds == Bounds{0, 120, 240, 420});  // 60 elements a row
  }
}

TEST_CASE("Replicate to Shard sends nothing") {
  const Change by_batch = change(replicated(), kBatch, 1);
  REQUIRE(by_batch.ops().empty());
  REQUIRE(by_batch.after.region == Region{0, {140, 140}});
  REQUIRE(change(replicated(), kChannels, 1).ops() == Ops{"slice copy"});
  REQUIRE(change(replicated(), kHalo, 0).ops() == Ops{"slice copy"});
}

TEST_CASE("rows to rows with a halo exchange what the neighbours have") {
  // Row by row of 60 elements: rank 0 needs row 2 of rank 1; rank 1 rows 1 and 4; rank 2 row 3.
  const auto messages = [](const Change& c) {
    std::vector<std::pair<std::int64_t, std::int64_t>> counts;  // sent, received
    for (const Op& op : c.program.ops)
      if (const auto* exchange = std::get_if<Exchange>(&op.action)) {
        counts.emplace_back(exchange->send ? exchange->send->region.slice.count : 0,
                            exchange->recv ? exchange->recv->region.slice.count : 0);
        if (exchange->send && exchange->recv) REQUIRE(exchange->send->id == exchange->recv->id);
        if (exchange->send) REQUIRE(exchange->send->peer.axis == 0);
      }
    return counts;
  };
  using Counts = std::vector<std::pair<std::int64_t, std::int64_t>>;
  const Change first = change(kRows, kHalo, 0);
  const Change middle = change(kRows, kHalo, 1);
  const Change last = change(kRows, kHalo, 2);
  REQUIRE(first.ops() == Ops{"pack copy", "exchange1 exchange", "exchange2 exchange", "unpack copy"});
  REQUIRE(messages(first) == Counts{{60, 0}, {0, 60}});
  REQUIRE(messages(middle) == Counts{{60, 60}, {60, 60}});
  REQUIRE(messages(last) == Counts{{0, 60}, {60, 0}});
}

TEST_CASE("terms of a halo travel back and are added") {
  const Change middle = change(terms(kHalo), kRows, 1);
  REQUIRE(middle.ops() == Ops{"pack copy", "exchange1 exchange", "exchange2 exchange", "unpack sum"});
  // Without a halo there is nothing to add, but rows that no window needs have no term and are zero.
  const Change whole = change(terms(kHalo), replicated(), 1);
  REQUIRE(whole.ops() == Ops{"pack copy", "exchange1 exchange", "exchange2 exchange", "unpack sum", "pack copy",
                             "all_gather all_gather", "unpack copy"});
}

TEST_CASE("shards in another direction are exchanged: an all-to-all") {
  const Change c = change(kBatch, kChannels, 1);
  REQUIRE(c.ops() == Ops{"pack copy", "exchange1 exchange", "exchange2 exchange", "unpack copy"});
  std::int64_t sent = 0;
  for (const Op& op : c.program.ops)
    if (const auto* exchange = std::get_if<Exchange>(&op.action)) sent += exchange->send->region.slice.count;
  REQUIRE(sent == 2 * 3 * 14);  // of its 2 images all channels but its own 2
}

TEST_CASE("empty tensors move without a message, and ranks without a part send none") {
  const Box none = box_of({0, 5, 7, 2});
  for (int rank = 0; rank < kRanks; ++rank)
    for (const Op& op : change(partial(), replicated(), rank, none).program.ops)
      REQUIRE(std::holds_alternative<Compute>(op.action));
  const Placement root = sharded(Dim::batch, {{0, 6}, {6, 0}, {6, 0}});
  const Change other = change(root, kBatch, 1);
  int sends = 0;
  for (const Op& op : other.program.ops)
    if (const auto* exchange = std::get_if<Exchange>(&op.action)) sends += exchange->send ? 1 : 0;
  REQUIRE(sends == 0);
  REQUIRE(change(root, kBatch, 0).after.region == Region{0, {0, 140}});
}

TEST_CASE("nothing becomes Partial again, and communicates() says what redistribute() does") {
  REQUIRE_THROWS_AS(change(replicated(), partial(), 0), std::invalid_argument);
  for (const Placement& from : {replicated(), partial(), kBatch, kChannels, kRows, kHalo, terms(kHalo)})
    for (const Placement& to : {replicated(), kBatch, kChannels, kRows, kHalo}) {
      if (from.kind == Placement::Kind::shard && !from.terms && !is_disjoint_shard(from)) continue;  // nobody has halos to give
      int messages = 0;
      for (int rank = 0; rank < kRanks; ++rank)
        for (const Op& op : change(from, to, rank).program.ops) messages += std::holds_alternative<Compute>(op.action) ? 0 : 1;
      CAPTURE(to_string(from), to_string(to));
      REQUIRE((messages > 0) == communicates({from}, {to}));
    }
}
