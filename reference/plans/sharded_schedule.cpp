#include "reference/plans/sharded_schedule.h"

#include <algorithm>
#include <map>

#include "reference/core/error.h"
#include "reference/plans/program_copy.h"
#include "reference/plans/step_writer.h"

namespace convoy {
namespace {

/// Numbers of collectives, apart from those of the layers.
constexpr int kFirstId = 2'000'000;

std::size_t index(int i) { return static_cast<std::size_t>(i); }

/// Consecutive weights that are gathered, summed and updated together, and when a program is done with them.
struct ShardedBucket {
  Slice slice;            ///< of the flat weights
  Slice mine;             ///< the part of this rank, of the flat weights
  std::int64_t at = 0;    ///< of the same in what this rank keeps
  int last_write = -1;    ///< of its gradients: op of the program without shards
  int last_read = -1;     ///< of its weights
  bool read[2] = {};      ///< whether its weights are, in forward and in backward
  Region gradients = {};  ///< stages 2 and 3: where they are; no elements before they are made
  Region gathered[2];     ///< stage 3: the weights in forward and in backward
  bool reduced = false, updated = false;
};

/// Makes the program of a rank of that which plan `data` gives it.
class ShardedProgram {
 public:
  ShardedProgram(const Program& whole, const std::vector<Slice>& buckets, const Plan& plan, int coordinate)
      : whole_(whole), plan_(plan), ranks_(plan.mesh.axes.front().extent), writer_(plan.mesh, {coordinate}, plan.dtype), copy_(whole, writer_),
        weights_(buffer_named(whole, "weights")), gradients_(buffer_named(whole, "gradients")),
        momentum_(buffer_named(whole, "momentum")) {
    for (const Slice& slice : buckets) {
      const Slice part = shard(slice.count, ranks_, coordinate);
      buckets_.push_back({.slice = slice, .mine = {slice.offset + part.offset, part.count}, .at = kept_});
      kept_ += part.count;
    }
    find_last_uses();
  }

  Program write() {
    writer_.program().batch = whole_.batch;
    if (stage() == 3 && weights_ >= 0) shard_ = writer_.add_flat("weights", BufferKind::weights, kept_);
    if (momentum_ >= 0) my_momentum_ = writer_.add_flat("momentum", BufferKind::optimizer, kept_);
    for (int op = 0; op < static_cast<int>(whole_.ops.size()); ++op) {
      const Op& old = whole_.ops[index(op)];
      if (const auto* compute = std::get_if<Compute>(&old.action)) {
        if (is_kept(*compute)) write_compute(old, *compute);
      } else if (const auto* collective = std::get_if<Collective>(&old.action); collective->region.buffer != gradients_) {
        Collective moved = *collective;
        moved.region = place(moved.region, 0);
        writer_.communicate(old.name, old.stream, old.node, moved);
      }
      if (gradients_ >= 0) after_op(op);
    }
    for (std::size_t b = 0; b < buckets_.size() && gradients_ >= 0; ++b) {
      reduce(b);
      update(b);
    }
    writer_.join();
    Program program = writer_.take();
    for (const ShardedBucket& bucket : buckets_)
      if (bucket.mine.count > 0) program.owned.push_back(bucket.mine);
    return program;
  }

 private:
  [[nodiscard]] int stage() const { return plan_.zero; }

  /// Updates are written anew, and gradients of stages 2 and 3 set to 0 bucket by bucket.
  [[nodiscard]] bool is_kept(const Compute& compute) const {
    return compute.kind != ComputeKind::update && compute.kind != ComputeKind::join &&
           (compute.kind != ComputeKind::zero || stage() == 1);
  }

  void find_last_uses() {
    for (int op = 0; op < static_cast<int>(whole_.ops.size()); ++op) {
      const auto* compute = std::get_if<Compute>(&whole_.ops[index(op)].action);
      if (compute == nullptr || compute->kind == ComputeKind::update || compute->kind == ComputeKind::zero) continue;
      for (const Operand& operand : compute->operands)
        for (ShardedBucket& bucket : buckets_) {
          if (!overlap(operand.region.slice, bucket.slice)) continue;
          if (operand.region.buffer == gradients_) bucket.last_write = op;
          if (operand.region.buffer != weights_) continue;
          bucket.last_read = op;
          bucket.read[pass_of(*compute)] = true;
        }
    }
  }

  static int pass_of(const Compute& compute) {
    return compute.kind == ComputeKind::backward_input || compute.kind == ComputeKind::backward_weights ||
                   compute.kind == ComputeKind::gradient_statistics
               ? 1
               : 0;
  }

  void write_compute(const Op& old, const Compute& compute) {
    Compute moved = compute;
    for (Operand& operand : moved.operands) operand.region = place(operand.region, pass_of(compute));
    writer_.compute(old.name, std::move(moved));
  }

  std::size_t bucket_of(const Slice& slice) const {
    for (std::size_t b = 0; b < buckets_.size(); ++b)
      if (slice.offset >= buckets_[b].slice.offset && slice.end() <= buckets_[b].slice.end()) return b;
    require(false, "make_schedule", "elements ", slice.offset, " to ", slice.end(), " are in no bucket");
    return 0;
  }

  /// Where a region of the program without shards is in this one.
  Region place(const Region& old, int pass) {
    const bool divided = (old.buffer == weights_ && stage() == 3) || (old.buffer == gradients_ && stage() > 1);
    if (!divided) return copy_.region(old);
    const std::size_t b = bucket_of(old.slice);
    const Region whole = old.buffer == weights_ ? gathered(b, pass) : gradients(b);
    return {whole.buffer, {old.slice.offset - buckets_[b].slice.offset, old.slice.count}};
  }

  Region gradients(std::size_t b) {
    ShardedBucket& bucket = buckets_[b];
    if (stage() == 1) return {copy_.buffer(gradients_), bucket.slice};
    if (bucket.gradients.slice.count == 0) {
      bucket.gradients = writer_.add_flat(cat("bucket", b, ".gradients"), BufferKind::gradients, bucket.slice.count);
      writer_.compute(cat("bucket", b, ".zero"),
                      {ComputeKind::zero, -1, {{Role::gradients, Access::write, bucket.gradients}}, {0, 0, writer_.bytes(bucket.gradients)}});
    }
    return bucket.gradients;
  }

  /// Stage 3: the weights of a bucket from all ranks. The next one that this pass will need comes along.
  Region gathered(std::size_t b, int pass) {
    const bool fresh = buckets_[b].gathered[pass].slice.count == 0;
    gather(b, pass);
    const std::size_t next = pass == 0 ? b - 1 : b + 1;  // past the end where there is none
    if (fresh && plan_.overlap && next < buckets_.size() && buckets_[next].read[pass]) gather(next, pass);
    return buckets_[b].gathered[pass];
  }

  void gather(std::size_t b, int pass) {
    ShardedBucket& bucket = buckets_[b];
    Region& whole = bucket.gathered[pass];
    if (whole.slice.count > 0) return;
    whole = writer_.add_flat(cat("bucket", b, pass == 0 ? ".weights" : ".weights_again"), BufferKind::workspace, bucket.slice.count);
    if (bucket.mine.count > 0) {
      const Box box = box_of({1, static_cast<int>(bucket.mine.count), 1, 1});
      const Region from{shard_.buffer, {bucket.at, bucket.mine.count}};
      const Region to{whole.buffer, {bucket.mine.offset - bucket.slice.offset, bucket.mine.count}};
      writer_.compute(cat("weights", b, pass == 0 ? ".copy" : ".copy_again"),
                      {ComputeKind::copy,
                       -1,
                       {{Role::x, Access::read, from, box}, {Role::y, Access::write, to, box}},
                       {0, writer_.bytes(from), writer_.bytes(to)}});
    }
    collective(cat("weights", b, pass == 0 ? ".all_gather" : ".all_gather_again"), CollectiveKind::all_gather, whole, b,
               pass == 0 ? 1 : 2);
  }

  void collective(const std::string& name, CollectiveKind kind, const Region& region, std::size_t b, int number) {
    if (ranks_ == 1) return;
    writer_.communicate(name, kCommunicationStream, -1,
                        Collective{.kind = kind,
                                   .algorithm = "ring",
                                   .axis = 0,
                                   .id = kFirstId + 3 * static_cast<int>(b) + number,
                                   .root = 0,
                                   .chunks = plan_.chunks,
                                   .region = region});
  }

  /// With overlap, sums go on while the next bucket is computed, and end in an update before the next sum begins. Without, they
  /// follow a bucket at once, in stage 1 all at the end.
  void after_op(int op) {
    for (std::size_t b = 0; b < buckets_.size(); ++b) {
      ShardedBucket& bucket = buckets_[b];
      if (plan_.overlap && bucket.last_write == op) {
        for (std::size_t before = 0; before < buckets_.size(); ++before)
          if (buckets_[before].reduced && buckets_[before].last_read <= op) update(before);
        reduce(b);
      }
      if (!plan_.overlap && stage() > 1 && std::max(bucket.last_write, bucket.last_read) == op) {
        reduce(b);
        update(b);
      }
    }
  }

  void reduce(std::size_t b) {
    if (buckets_[b].reduced) return;
    buckets_[b].reduced = true;
    collective(cat("bucket", b, ".reduce_scatter"), CollectiveKind::reduce_scatter, gradients(b), b, 0);
  }

  /// v = mu v + g + wd w; w -= lr v, for this rank's part; stages 1 and 2 give it to the others.
  void update(std::size_t b) {
    ShardedBucket& bucket = buckets_[b];
    if (bucket.updated) return;
    bucket.updated = true;
    const Region summed = gradients(b);
    const Region weights = stage() == 3 ? Region{shard_.buffer, {bucket.at, bucket.mine.count}} : Region{copy_.buffer(weights_), bucket.mine};
    const double n = static_cast<double>(bucket.mine.count);
    const double element = static_cast<double>(size_bytes(plan_.dtype));
    if (bucket.mine.count > 0)
      writer_.compute(cat("bucket", b, ".update"),
                      {ComputeKind::update,
                       -1,
                       {{Role::weights, Access::update, weights},
                        {Role::gradients,
                         Access::read,
                         {summed.buffer, {summed.slice.offset + bucket.mine.offset - bucket.slice.offset, bucket.mine.count}}},
                        {Role::momentum, Access::update, {my_momentum_.buffer, {bucket.at, bucket.mine.count}}}},
                       {6 * n, 3 * n * element, 2 * n * element},
                       {0}});
    if (stage() < 3)
      collective(cat("weights", b, ".all_gather"), CollectiveKind::all_gather, {copy_.buffer(weights_), bucket.slice}, b, 1);
  }

  const Program& whole_;
  const Plan& plan_;
  int ranks_;
  ProgramWriter writer_;
  ProgramCopy copy_;
  int weights_, gradients_, momentum_;
  std::vector<ShardedBucket> buckets_;
  std::int64_t kept_ = 0;          ///< weights of which this rank has the momentum
  Region shard_, my_momentum_;     ///< stage 3: its weights; and its momentum
};

void check_settings(const Plan& plan) {
  const auto refuse = [&](bool wrong, const char* what) {
    if (wrong) throw InputError(cat("--zero ", plan.zero, " ", what));
  };
  refuse(plan.zero < 0 || plan.zero > 3, "is no stage; use 1, 2 or 3, or 0 for none");
  refuse(plan.mesh.axes.size() != 1 || plan.batch_axis != 0 || plan.strategies != std::vector<std::string>{"data"} ||
             !plan.overrides.empty(),
         "divides what plan data keeps on every rank; use --plan data");
  refuse(plan.optimiser != Optimiser::sgd, "updates parts of tensors, and LARS needs norms of whole ones; use --optimiser sgd");
  refuse(plan.compression.method != "none", "sums gradients by reduce-scatter, which cannot add payloads; leave --compress out");
  refuse(plan.gradient_dtype.has_value(), "sums gradients as they are; use --gradients f32, or --zero 0");
  refuse(plan.zero == 3 && plan.accumulate > 1, "would gather weights for every part of the images; use --accumulate 1, or --zero 2");
}

/// The buckets of a plan: as many elements each as one update of plan `data` changes.
std::vector<Slice> buckets_of(const Program& training) {
  std::vector<Slice> buckets;
  for (const Op& op : training.ops)
    if (const auto* compute = std::get_if<Compute>(&op.action); compute != nullptr && compute->kind == ComputeKind::update)
      buckets.push_back(compute->operands.front().region.slice);
  return buckets;
}

}  // namespace

void add_sharded_programs(Schedule& schedule, const Model& model, const Plan& plan, Mode mode) {
  check_settings(plan);
  std::map<int, Program> whole;  // by images
  std::vector<Slice> buckets;
  for (int rank = 0; rank < schedule.mesh.world_size(); ++rank) {
    schedule.class_of.push_back(rank);
    const auto images = static_cast<int>(schedule.samples(rank).count);
    if (!whole.contains(images)) whole[images] = StepWriter(model, plan, mode, images, {0}).write();
    if (rank == 0)
      buckets = buckets_of(mode == Mode::train ? whole[images] : StepWriter(model, plan, Mode::train, images, {0}).write());
    schedule.programs.push_back(ShardedProgram(whole[images], buckets, plan, rank).write());
  }
}

}  // namespace convoy
