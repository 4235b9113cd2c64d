#include "reference/plans/compressed_schedule.h"

#include <map>

#include "reference/core/error.h"
#include "reference/plans/compress_ops.h"
#include "reference/plans/program_copy.h"
#include "reference/plans/step_writer.h"

namespace convoy {
namespace {

/// Numbers of collectives, apart from those of the layers.
constexpr int kFirstId = 2'000'000;

/// Makes the program of a rank of that which plan `data` gives it.
class CompressedProgram {
 public:
  CompressedProgram(const Program& whole, const Plan& plan, int coordinate)
      : whole_(whole),
        plan_(plan),
        ranks_(plan.mesh.axes.front().extent),
        coordinate_(coordinate),
        writer_(plan.mesh, {coordinate}, plan.dtype),
        copy_(whole, writer_),
        gradients_(buffer_named(whole, "gradients")) {}

  Program write() {
    writer_.program().batch = whole_.batch;
    for (const Op& op : whole_.ops) {
      if (const auto* collective = std::get_if<Collective>(&op.action)) {
        if (collective->region.buffer == gradients_) {
          exchange(collective->region.slice);
          continue;
        }
        Collective moved = *collective;
        moved.region = copy_.region(moved.region);
        writer_.communicate(op.name, op.stream, op.node, moved);
        continue;
      }
      Compute compute = std::get<Compute>(op.action);
      if (compute.kind == ComputeKind::join) continue;  // written anew
      if (compute.kind == ComputeKind::update) add_up(compute);
      for (Operand& operand : compute.operands) operand.region = copy_.region(operand.region);
      writer_.compute(op.name, std::move(compute));
    }
    writer_.join();
    return writer_.take();
  }

 private:
  [[nodiscard]] std::int64_t words(std::int64_t count) const { return payload_words(plan_.compression, count); }

  /// Compresses a bucket and sends it on its way.
  void exchange(const Slice& slice) {
    const int number = static_cast<int>(payloads_.size());
    const Region gradients{copy_.buffer(gradients_), slice};
    const Region all = writer_.add_flat(cat("bucket", number, ".payloads"), BufferKind::workspace, ranks_ * words(slice.count), DType::f32);
    const Region mine{all.buffer, {coordinate_ * words(slice.count), words(slice.count)}};
    if (leaves_errors(plan_.compression) && error_.slice.count == 0)
      error_ = writer_.add_flat(kCompressionError, BufferKind::optimizer,
                                element_count(writer_.program().buffers[static_cast<std::size_t>(gradients.buffer)]));
    writer_.compute(cat("bucket", number, ".compress"),
                    compress_op(plan_.compression, writer_.program(), gradients, mine, {error_.buffer, slice}));
    if (ranks_ > 1)
      writer_.communicate(cat("bucket", number, ".all_gather"), kCommunicationStream, -1,
                          Collective{.kind = CollectiveKind::all_gather,
                                     .algorithm = "ring",
                                     .axis = 0,
                                     .id = kFirstId + number,
                                     .root = 0,
                                     .chunks = 1,
                                     .region = all});
    payloads_[slice.offset] = {slice, all, number};
  }

  /// Gradients as all ranks have them, before the update that uses them.
  void add_up(const Compute& update) {
    for (const Operand& operand : update.operands) {
      if (operand.role != Role::gradients) continue;
      const auto found = payloads_.find(operand.region.slice.offset);
      if (found == payloads_.end()) continue;
      const Payloads& bucket = found->second;
      const Region sum{copy_.buffer(gradients_), bucket.slice};
      writer_.compute(cat("bucket", bucket.number, ".decompress"),
                      decompress_op(writer_.program(), bucket.all, sum,
                                    ranks_ * payload_elements(plan_.compression, bucket.slice.count)));
    }
  }

  /// What has been sent of a bucket.
  struct Payloads {
    Slice slice;
    Region all;
    int number = 0;
  };

  const Program& whole_;
  const Plan& plan_;
  int ranks_, coordinate_;
  ProgramWriter writer_;
  ProgramCopy copy_;
  int gradients_;
  Region error_;
  std::map<std::int64_t, Payloads> payloads_;  ///< by the place of the bucket's first element
};

void check_settings(const Plan& plan) {
  const auto refuse = [&](bool wrong, const char* what) {
    if (wrong) throw InputError(cat("--compress ", plan.compression.method, " ", what));
  };
  check_compression(plan.compression);
  refuse(plan.mesh.axes.size() != 1 || plan.batch_axis != 0 || plan.strategies != std::vector<std::string>{"data"} ||
             !plan.overrides.empty() || plan.servers.count > 0 || plan.zero != 0,
         "is for the all-reduce of plan data, and for parameter_server; use --plan data without --zero");
  refuse(plan.optimiser != Optimiser::sgd, "goes with --optimiser sgd");
  refuse(plan.gradient_dtype.has_value(), "replaces 16 bits; use --gradients f32, or --compress none");
}

}  // namespace

void add_compressed_programs(Schedule& schedule, const Model& model, const Plan& plan, Mode mode) {
  check_settings(plan);
  std::map<int, Program> whole;  // by images
  for (int rank = 0; rank < schedule.mesh.world_size(); ++rank) {
    const auto images = static_cast<int>(schedule.samples(rank).count);
    if (!whole.contains(images)) whole[images] = StepWriter(model, plan, mode, images, {0}).write();
    schedule.class_of.push_back(rank);
    schedule.programs.push_back(CompressedProgram(whole[images], plan, rank).write());
  }
}

}  // namespace convoy
