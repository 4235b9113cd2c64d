// Gradients of weights: the buckets in which they are summed over ranks, and the update.

#include <algorithm>

#include "reference/core/error.h"
#include "reference/plans/step_writer.h"

namespace convoy {
namespace {

/// The number of a reduction of gradients. Not one of ProgramWriter::next_id(): ranks with other parts of the weights may have
/// other buckets, though not those with whom they sum.
int gradient_id(int last_node, int axis) {
  constexpr int first = 1'000'000;
  constexpr int most_axes = 16;
  return first + last_node * most_axes + axis;
}

}  // namespace

int gradient_channels(const Plan& plan) {
  if (plan.at_root || plan.all_reduce == kAutomatic) return 1;
  return plan.channels > 0 ? plan.channels : collective_algorithm(CollectiveKind::all_reduce, plan.all_reduce).usual_channels;
}

bool StepWriter::updates() const {
  if (!plan_.at_root) return true;
  const std::vector<int>& coordinates = writer_.coordinates();
  return std::all_of(coordinates.begin(), coordinates.end(), [](int c) { return c == 0; });
}

void StepWriter::prepare_gradients() {
  momentum_ = writer_.add_flat("momentum", BufferKind::optimizer, count_of(learned_));
  gradients_ = writer_.add_flat("gradients", BufferKind::gradients, count_of(learned_));
  make_buckets();
}

void StepWriter::zero_gradients() {
  writer_.compute("zero_gradients",
                  {ComputeKind::zero, -1, {{Role::gradients, Access::write, gradients_}}, {0, 0, writer_.bytes(gradients_)}});
}

void StepWriter::make_buckets() {
  Bucket open;
  for (std::size_t p = 0; p < learned_.size(); ++p) {
    const int i = learned_[p].parameter->node;
    open.slice.count += learned_[p].slice.count;
    open.axes = layout(i).summed_over;
    const bool last = p + 1 == learned_.size();
    if (!last && learned_[p + 1].parameter->node == i) continue;
    const int next = last ? i : learned_[p + 1].parameter->node;
    const bool others = layout(next).summed_over != open.axes || stages_[index(next)] != stages_[index(i)];
    const bool full = open.slice.count * size_bytes(plan_.dtype) >= plan_.bucket_bytes;
    if (!last && !others && !full) continue;
    open.last_node = i;
    if (open.slice.count > 0) buckets_.push_back(open);
    open = {.slice = {open.slice.end(), 0}};
  }
}

void StepWriter::bucket_may_be_full(int i) {
  const auto full = std::find_if(buckets_.begin(), buckets_.end(), [&](const Bucket& bucket) { return bucket.last_node == i; });
  if (full == buckets_.end()) return;
  const auto b = static_cast<std::size_t>(full - buckets_.begin());
  if (full_buckets_.insert(b).second && plan_.overlap) reduce(b);
}

/// Sums a bucket over its axes, one after the other, once everything computed so far has ended.
void StepWriter::reduce(std::size_t b) {
  const Bucket& bucket = buckets_[b];
  Region region{gradients_.buffer, bucket.slice};
  if (bucket.axes.empty()) return;
  if (plan_.gradient_dtype) {
    const Region from = region;
    region = converted_[b] = writer_.add_flat(cat("bucket", b), BufferKind::workspace, bucket.slice.count, *plan_.gradient_dtype);
    writer_.compute(cat("bucket", b, ".convert"),
                    {ComputeKind::convert,
                     -1,
                     {{Role::x, Access::read, from}, {Role::y, Access::write, region}},
                     {static_cast<double>(bucket.slice.count), writer_.bytes(from), writer_.bytes(region)}});
  }
  for (const int axis : bucket.axes) {
    const CollectiveKind kind = plan_.at_root ? CollectiveKind::reduce : CollectiveKind::all_reduce;
    reductions_[b] = writer_.communicate(cat("bucket", b, ".", to_string(kind)), kCommunicationStream, -1,
                                         Collective{.kind = kind,
                                                    .algorithm = plan_.at_root ? "binomial" : plan_.all_reduce,
                                                    .axis = axis,
                                                    .id = gradient_id(bucket.last_node, axis),
                                                    .root = 0,
                                                    .chunks = plan_.chunks,
                                                    .region = region,
                                                    .channels = gradient_channels(plan_),
                                                    .ranks_per_node = members_per_node(plan_.mesh, axis, plan_.ranks_per_node)});
  }
}

void StepWriter::update() {
  if (!plan_.overlap)
    for (std::size_t b = 0; b < buckets_.size(); ++b) reduce(b);
  if (!updates()) return;
  // Without overlap nothing else runs while gradients travel: the first update waits for the last reduction.
  const auto after = [&]() -> std::vector<int> {
    if (plan_.overlap || reductions_.empty()) return {};
    return {reductions_.rbegin()->second};
  };
  for (std::size_t b = 0; b < buckets_.size(); ++b) {
    const Slice slice = buckets_[b].slice;
    if (converted_.contains(b)) {
      const Region from = converted_.at(b);
      const Region to{gradients_.buffer, slice};
      writer_.compute(cat("bucket", b, ".convert_back"),
                      {ComputeKind::convert,
                       -1,
                       {{Role::x, Access::read, from}, {Role::y, Access::write, to}},
                       {static_cast<double>(slice.count), writer_.bytes(from), writer_.bytes(to)}},
                      after());
    }
    if (plan_.optimiser != Optimiser::lars)
      update_slice(cat("bucket", b, ".update"), slice, buckets_[b].axes, {}, after());
  }
  if (plan_.optimiser == Optimiser::lars) update_with_norms();
}

/// v = mu v + g + wd w; w -= lr v, for a slice of a bucket. `norms`: those that decide the rate; an empty region: none do.
void StepWriter::update_slice(const std::string& name, const Slice& slice, const std::vector<int>& axes,
                              const Region& norms, std::vector<int> after) {
  const double n = static_cast<double>(slice.count);
  const double element = static_cast<double>(size_bytes(plan_.dtype));
  Compute compute{ComputeKind::update,
                  -1,
                  {{Role::weights, Access::update, {weights_.buffer, slice}},
                   {Role::gradients, Access::read, {gradients_.buffer, slice}},
                   {Role::momentum, Access::update, {momentum_.buffer, slice}}},
                  {6 * n, 3 * n * element, 2 * n * element},
                  axes};
  if (norms.slice.count > 0) compute.operands.push_back({Role::norms, Access::read, norms});
  writer_.compute(name, std::move(compute), std::move(after));
}

/// Whether LARS gives a tensor a rate of its own: weights of products, not biases and norms.
bool StepWriter::adapts(const LocalParameter& part) const {
  const Layer& layer = node(part.parameter->node).layer;
  return part.parameter->name.ends_with(".weight") && !std::holds_alternative<BatchNorm2d>(layer);
}

/// The sums of squares of a tensor and of its gradient, over all ranks that have parts of it.
Region StepWriter::norms_of(const LocalParameter& part) {
  const int i = part.parameter->node;
  const Region norms = writer_.add_flat(part.parameter->name + ".norms", BufferKind::workspace, 2, DType::f64);
  const Region weight{weights_.buffer, part.slice}, gradient{gradients_.buffer, part.slice};
  writer_.compute(part.parameter->name + ".norms",
                  {ComputeKind::norms,
                   i,
                   {{Role::weight, Access::read, weight, part.box},
                    {Role::weight_gradient, Access::read, gradient, part.box},
                    {Role::norms, Access::write, norms}},
                   {4 * static_cast<double>(part.slice.count), 2 * writer_.bytes(weight), writer_.bytes(norms)}});
  for (int axis = 0; axis < static_cast<int>(layout(i).weight.size()); ++axis)
    if (layout(i).weight[index(axis)].kind == Placement::Kind::shard)
      writer_.communicate(part.parameter->name + ".norms.all_reduce", kCommunicationStream, -1,
                          Collective{.kind = CollectiveKind::all_reduce,
                                     .algorithm = "ring",
                                     .axis = axis,
                                     .id = writer_.next_id(),
                                     .root = 0,
                                     .chunks = 1,
                                     .region = norms});
  return norms;
}

/// LARS: every learned tensor by itself. All ranks come by the same tensors in the same order, also those without a part.
void StepWriter::update_with_norms() {
  if (plan_.gradient_dtype)
    throw InputError("LARS needs gradients as they are, and they are to be summed in 16 bits; use --gradients f32, or --optimiser sgd");
  std::vector<int> after;
  if (!plan_.overlap && !reductions_.empty()) after.push_back(reductions_.rbegin()->second);
  for (const LocalParameter& part : learned_) {
    const Region norms = adapts(part) ? norms_of(part) : Region{};
    if (part.slice.count > 0)
      update_slice(part.parameter->name + ".update", part.slice, layout(part.parameter->node).summed_over, norms, after);
  }
}

}  // namespace convoy
