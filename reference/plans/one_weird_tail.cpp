// The linear part of one_weird_trick under schemes b and c: it runs forward and backward once for every hand-over, on the images
// that were handed over, before the convolutional part goes backward. Scheme a needs nothing of this: it is an edge like any
// other.
//
// Note [pieces of scheme c]: hand-over j takes part j of every rank's images. So that it is one run of the global batch, and a
// rank's images still are in order of the hand-overs, rank k loads the images shard(shard(batch, n, j), n, k) for every j.
#include <algorithm>

#include "reference/core/error.h"
#include "reference/plans/step_writer.h"

namespace convoy {
namespace {

std::size_t index(int i) { return static_cast<std::size_t>(i); }

/// The axis on which the network changes from `batch` to other rules; -1 when there is none.
int exchange_axis(const Plan& plan) {
  int first = -1;
  for (std::size_t a = 0; a < plan.mesh.axes.size(); ++a) {
    if (static_cast<int>(a) == plan.batch_axis || plan.mesh.axes[a].extent == 1) continue;
    if (plan.strategies.at(a) == "one_weird_trick") return static_cast<int>(a);
    if (first < 0) first = static_cast<int>(a);  // rules given node by node
  }
  return first;
}

/// Whether so many images can be divided among the ranks twice with even parts in the end.
bool divides_twice(std::int64_t images, int ranks) {
  for (int k = 0; k < ranks; ++k) {
    std::int64_t count = 0;
    for (int j = 0; j < ranks; ++j) count += shard(shard(images, ranks, j).count, ranks, k).count;
    if (count != shard(images, ranks, k).count) return false;
  }
  return true;
}

}  // namespace

std::int64_t images_of_iteration(const Plan& plan) {
  if (plan.local.images > 0) return plan.local.images;
  return std::int64_t{plan.global_batch} * std::max(1, plan.local.steps);
}

Plan with_batch(Plan plan, int images) {
  if (plan.local.steps > 0) {
    plan.local.images = images;
    plan.local.steps = (images + plan.global_batch - 1) / plan.global_batch;
    return plan;
  }
  plan.global_batch = images;
  const int axis = exchange_axis(plan);
  if (plan.scheme != ExchangeScheme::c || axis < 0) return plan;
  const int shares = plan.batch_axis < 0 ? 1 : plan.mesh.axes[index(plan.batch_axis)].extent;
  for (int share = 0; share < shares; ++share)
    if (!divides_twice(shard(images, shares, share).count, plan.mesh.axes[index(axis)].extent)) plan.scheme = ExchangeScheme::a;
  return plan;
}

/// The first node that runs by hand-overs; the number of nodes when the whole network runs at once.
int StepWriter::first_of_tail() const {
  const int axis = exchange_axis(plan_);
  if (plan_.scheme == ExchangeScheme::a || axis < 0) return node_count();
  int first = 0;
  while (first < node_count() && layout(first).rules[index(axis)] == Rule::batch) ++first;
  const auto refuse = [&](const std::string& why) {
    throw InputError(cat("scheme ", to_string(plan_.scheme), " ", why, "; use --scheme a"));
  };
  if (first == 0 || first == node_count())
    refuse("needs a part divided by batch before one that is not, and there is only one of them");
  for (int i = first; i < node_count(); ++i) {
    if (layout(i).rules[index(axis)] == Rule::batch)
      refuse(cat("cannot go back to dividing by batch, and node '", node(i).name, "' does"));
    for (const int input : node(i).inputs)
      if (input < first && !(i == first && input == first - 1))
        refuse(cat("lets only node '", node(first).name, "' read the part divided by batch, and node '", node(i).name, "' does"));
    if (std::holds_alternative<BatchNorm2d>(node(i).layer))
      throw InputError(cat("scheme ", to_string(plan_.scheme), " divides the batch of BatchNorm2d '", node(i).name,
                           "', which would change what it computes; use --scheme a"));
  }
  if (layout(first).inputs.front()[index(axis)].kind != Placement::Kind::replicate ||
      layout(first).dx.front()[index(axis)].kind != Placement::Kind::partial)
    throw InputError(cat("scheme ", to_string(plan_.scheme), " hands over to a layer with the rule 'filter'; node '",
                         node(first).name, "' has '", to_string(layout(first).rules[index(axis)]), "'"));
  for (int other = 0; other < static_cast<int>(plan_.mesh.axes.size()); ++other)
    if (other != axis && !(layout(first - 1).output[index(other)] == layout(first).inputs.front()[index(other)]))
      refuse(cat("hands over what axis '", plan_.mesh.axes[index(other)].name, "' does not divide again, and node '",
                 node(first).name, "' needs it divided in another way"));
  if (plan_.scheme == ExchangeScheme::c)
    for (int i = 0; i < first; ++i)
      if (train_ && std::holds_alternative<Dropout>(node(i).layer))
        throw InputError(cat("scheme c: Dropout '", node(i).name,
                             "' in the part divided by batch would draw for other images; use --scheme a or b"));
  return first;
}

/// The images of hand-over `piece`, in the share of the batch.
Slice StepWriter::tail_samples(int piece) const { return shard(batch_, writer_.extent(exchange_axis(plan_)), piece); }

/// Which images of a hand-over come from each rank.
std::vector<Slice> StepWriter::samples_of_ranks(int piece) const {
  const int ranks = writer_.extent(exchange_axis(plan_));
  const Slice all = tail_samples(piece);
  std::vector<Slice> parts;
  for (int k = 0; k < ranks; ++k) {
    if (plan_.scheme == ExchangeScheme::c) {
      parts.push_back(shard(all, ranks, k));
    } else {
      parts.push_back(k == piece ? all : Slice{k < piece ? all.offset : all.end(), 0});
    }
  }
  return parts;
}

/// See Note [pieces of scheme c]. The boxes of the convolutional part only count images; nothing there asks which they are.
void StepWriter::load_pieces(Flow& flow) {
  const int axis = exchange_axis(plan_);
  std::int64_t count = 0;
  for (int j = 0; j < writer_.extent(axis); ++j) count += samples_of_ranks(j)[index(writer_.coordinate(axis))].count;
  // The same number of images as the even part of `batch`, or the layout would not fit.
  Box box = local_box(whole_output(flow, kImages), layout_.images, writer_.coordinates());
  if (box.n.count != count) {
    const int shares = plan_.batch_axis < 0 ? 1 : writer_.extent(plan_.batch_axis);
    throw InputError(cat("scheme c: a step of ", plan_.global_batch, " images cannot be divided among ", writer_.extent(axis),
                         " ranks twice; use a multiple of ", shares * writer_.extent(axis) * writer_.extent(axis),
                         " images, or --scheme a"));
  }
  flow.images = writer_.add_tensor("images", BufferKind::input, box, layout_.images);
  Slice at{0, 0};
  const int last = writer_.extent(axis) - 1;
  for (int j = 0; j <= last; ++j) {
    Box piece = box;
    piece.n = samples_of_ranks(j)[index(writer_.coordinate(axis))];
    at = {at.end(), piece.count()};
    const Region region{flow.images.region.buffer, at};
    const double bytes = writer_.bytes(region);
    // A rank without images loads none: every step begins with a compute op, behind which its messages wait.
    if (piece.empty() && !(j == last && at.end() == 0)) continue;
    writer_.compute(cat("load", j), {ComputeKind::load, -1, {{Role::y, Access::write, region, piece}}, {0, bytes, bytes}});
  }
}

/// The images of a hand-over, with all ranks. Only this rank's own part lies in the convolutional part's output.
PlacedTensor StepWriter::hand_over(Flow& main, int boundary, int piece, const Flow& tail) {
  const int axis = exchange_axis(plan_);
  const PlacedTensor& own = main.outputs[index(boundary)];
  const std::int64_t image = own.box.c.count * own.box.h.count * own.box.w.count;
  const std::vector<Slice> parts = samples_of_ranks(piece);
  const PlacedTensor all = writer_.add_tensor(name(tail, boundary, "all"), BufferKind::activation, whole_output(tail, boundary),
                                              layout(boundary + 1).inputs.front());
  std::vector<std::int64_t> bounds;
  for (const Slice& part : parts) bounds.push_back((part.offset - tail.samples.offset) * image);
  bounds.push_back(tail.samples.count * image);

  const Slice mine = parts[index(writer_.coordinate(axis))];
  std::int64_t before = 0;  // images of this rank in earlier hand-overs
  for (int j = 0; j < piece; ++j) before += samples_of_ranks(j)[index(writer_.coordinate(axis))].count;
  const Slice to{bounds[index(writer_.coordinate(axis))], mine.count * image};
  Box box = all.box;
  box.n = mine;
  if (mine.count > 0)
    writer_.copy(name(tail, boundary, "pack"),
                 {{{own.region.buffer, {own.region.slice.offset + before * image, to.count}}, box, {}}},
                 {{{all.region.buffer, to}, box, {}}});
  const int id = writer_.next_id();
  if (all.region.slice.count == 0) return all;
  const bool one = plan_.scheme == ExchangeScheme::b;
  writer_.communicate(name(tail, boundary, one ? "broadcast" : "all_gather"), kActivationStream, boundary + 1,
                      Collective{.kind = one ? CollectiveKind::broadcast : CollectiveKind::all_gather,
                                 .algorithm = one ? "binomial" : "ring",
                                 .axis = axis,
                                 .id = id,
                                 .root = one ? piece : 0,
                                 .chunks = 1,
                                 .region = all.region,
                                 .bounds = one ? std::vector<std::int64_t>{} : bounds});
  return all;
}

/// Sums the gradient of what was handed over and brings every rank its own images'.
void StepWriter::hand_back(int boundary, int piece, const Flow& tail, PlacedTensor& dy) {
  const int axis = exchange_axis(plan_);
  const PlacedTensor& dx = tail.dy[index(boundary)].front();
  const std::int64_t image = dy.box.c.count * dy.box.h.count * dy.box.w.count;
  const std::vector<Slice> parts = samples_of_ranks(piece);
  std::vector<std::int64_t> bounds;
  for (const Slice& part : parts) bounds.push_back((part.offset - tail.samples.offset) * image);
  bounds.push_back(tail.samples.count * image);
  const bool one = plan_.scheme == ExchangeScheme::b;
  const int id = writer_.next_id();
  if (dx.region.slice.count > 0)
    writer_.communicate(name(tail, boundary, one ? "dy.reduce" : "dy.reduce_scatter"), kActivationStream, boundary + 1,
                        Collective{.kind = one ? CollectiveKind::reduce : CollectiveKind::reduce_scatter,
                                   .algorithm = one ? "binomial" : "ring",
                                   .axis = axis,
                                   .id = id,
                                   .root = one ? piece : 0,
                                   .chunks = 1,
                                   .region = dx.region,
                                   .bounds = one ? std::vector<std::int64_t>{} : bounds});
  std::int64_t before = 0;
  for (int j = 0; j < piece; ++j) before += samples_of_ranks(j)[index(writer_.coordinate(axis))].count;
  const Slice mine = parts[index(writer_.coordinate(axis))];
  if (mine.count == 0) return;
  Box box = dy.box;
  box.n = mine;
  const Region from{dx.region.buffer, {dx.region.slice.offset + bounds[index(writer_.coordinate(axis))], mine.count * image}};
  const Region to{dy.region.buffer, {dy.region.slice.offset + before * image, mine.count * image}};
  writer_.copy(name(tail, boundary, "dy.unpack"), {{from, box, {}}}, {{to, box, {}}});
}

void StepWriter::run_tail(Flow& main, int first) {
  if (first == node_count()) return;
  const int boundary = first - 1;
  const PlacedTensor& out = main.outputs[index(boundary)];
  const bool back = train_ && learns_before_[index(boundary)];  // else nobody wants the gradient
  PlacedTensor dy;
  if (back) dy = writer_.add_tensor(name(main, boundary, "dy"), BufferKind::activation_gradient, out.box, out.state);
  for (int piece = 0; piece < writer_.extent(exchange_axis(plan_)); ++piece) {
    Flow tail = new_flow(cat(".", piece), tail_samples(piece));
    tail.first_node = first;
    tail.outputs[index(boundary)] = hand_over(main, boundary, piece, tail);
    for (int i = first; i < node_count(); ++i)
      if (runs(i)) forward(tail, i);
    if (!train_) continue;
    for (int i = node_count() - 1; i >= first; --i) backward(tail, i);
    if (back) hand_back(boundary, piece, tail, dy);
  }
  if (back) main.dy[index(boundary)] = {dy};
}

}  // namespace convoy
