#include "reference/plans/local_schedule.h"

#include <algorithm>
#include <map>

#include "reference/core/error.h"
#include "reference/plans/step_writer.h"
#include "reference/schedule/mean_check.h"
#include "reference/schedule/region.h"

namespace convoy {
namespace {

/// Numbers of collectives, apart from those of the layers.
constexpr int kFirstId = 2'000'000;

bool is_update(const Op& op) {
  const auto* compute = std::get_if<Compute>(&op.action);
  return compute != nullptr && compute->kind == ComputeKind::update;
}

bool is_join(const Op& op) {
  const auto* compute = std::get_if<Compute>(&op.action);
  return compute != nullptr && compute->kind == ComputeKind::join;
}

const Operand& operand_of(const Compute& update, Role role) {
  return *std::ranges::find(update.operands, role, &Operand::role);
}

/// Makes the program of a rank of the steps that it would make alone.
class LocalProgram {
 public:
  /// `steps`: by their number of images; those that divide `images` among the steps of the round must be there.
  LocalProgram(const std::map<int, Program>& steps, const Plan& plan, int images)
      : steps_(steps), plan_(plan), ranks_(plan.mesh.world_size()), images_(images), writer_(plan.mesh, {0}, plan.dtype) {}

  Program write() {
    writer_.program().batch = images_;
    const int last = plan_.local.steps - 1;
    for (int step = 0; step <= last; ++step)  // with fewer images than steps some have none; the last is there always
      if (part(step).count > 0 || step == last) write_step(step, step == last);
    if (!plan_.overlap) average_all();
    writer_.join();
    return writer_.take();
  }

 private:
  [[nodiscard]] Slice part(int step) const { return shard(images_, plan_.local.steps, step); }

  void write_step(int step, bool last) {
    const Slice images = part(step);
    const Program& program = steps_.at(static_cast<int>(images.count));
    const std::map<int, int>& places = places_of(program);
    if (writer_.program().ops.empty() && plan_.local.momentum == LocalMomentum::restart) forget_momentum(program, places);
    const auto write = [&](const Op& op) {
      write_op(op, places, images, step);
      if (last && is_update(op)) buckets_.push_back(moved(std::get<Compute>(op.action), places, images));
    };
    const bool early = last && plan_.overlap;
    const std::vector<std::vector<std::size_t>> updates = updates_behind(program, early);
    for (std::size_t i = 0; i < program.ops.size(); ++i) {
      if (!is_update(program.ops[i]) && !is_join(program.ops[i])) write(program.ops[i]);
      for (const std::size_t update : updates[i]) {
        write(program.ops[update]);
        if (!early) continue;
        weigh(buckets_.size() - 1);
        average(buckets_.size() - 1);
      }
    }
  }

  /// By op of a step, the updates that follow it: `early` as soon as nothing else needs what they change, else where they stand.
  static std::vector<std::vector<std::size_t>> updates_behind(const Program& step, bool early) {
    std::vector<std::vector<std::size_t>> behind(step.ops.size());
    for (std::size_t i = 0; i < step.ops.size(); ++i)
      if (is_update(step.ops[i])) behind[early ? last_use(step, i) : i].push_back(i);
    return behind;
  }

  /// The last op before an update that touches what it changes, or its gradients.
  static std::size_t last_use(const Program& program, std::size_t update) {
    const auto [reads, writes] = regions_of(program.ops[update]);
    for (std::size_t i = update; i-- > 0;) {
      if (is_update(program.ops[i])) continue;
      const auto [read, written] = regions_of(program.ops[i]);
      for (const auto* mine : {&reads, &writes})
        for (const auto* theirs : {&read, &written})
          for (const Region& a : *mine)
            for (const Region& b : *theirs)
              if (overlap(a, b)) return i;
    }
    return 0;
  }

  /// Numbers of a step's buffers in this program: what is flat lies where it did, the rest once for every number of images.
  const std::map<int, int>& places_of(const Program& step) {
    const auto [known, fresh] = places_.try_emplace(step.batch);
    std::map<int, int>& places = known->second;
    if (!fresh) return places;
    std::vector<Buffer>& mine = writer_.program().buffers;
    for (int b = 0; b < static_cast<int>(step.buffers.size()); ++b) {
      Buffer buffer = step.buffers[static_cast<std::size_t>(b)];
      const bool flat = is_persistent(buffer.kind) || buffer.kind == BufferKind::gradients;
      if (!flat && step.batch != part(plan_.local.steps - 1).count) buffer.name += ".fewer";
      if (buffer.name == "momentum" && plan_.local.momentum == LocalMomentum::keep) buffer.name = kOwnMomentum;
      const auto found = std::ranges::find(mine, buffer.name, &Buffer::name);
      places[b] = static_cast<int>(found - mine.begin());
      if (found == mine.end()) mine.push_back(std::move(buffer));
    }
    return places;
  }

  /// The same on this program's memory, for some of the rank's images.
  static Compute moved(Compute compute, const std::map<int, int>& places, const Slice& images) {
    for (Operand& operand : compute.operands) {
      operand.region.buffer = places.at(operand.region.buffer);
      const bool of_images = operand.role == Role::x || operand.role == Role::y || operand.role == Role::dx || operand.role == Role::dy;
      if (of_images && !(operand.box == Box{})) operand.box.n.offset += images.offset;
    }
    return compute;
  }

  void write_op(const Op& op, const std::map<int, int>& places, const Slice& images, int step) {
    const auto* compute = std::get_if<Compute>(&op.action);
    require(compute != nullptr, "make_schedule", "op '", op.name, "' of a rank that trains alone is no compute op");
    writer_.compute(plan_.local.steps == 1 ? op.name : cat(op.name, ".local", step), moved(*compute, places, images));
  }

  void forget_momentum(const Program& step, const std::map<int, int>& places) {
    for (std::size_t b = 0; b < step.buffers.size(); ++b) {
      if (step.buffers[b].name != "momentum") continue;
      const Region momentum{places.at(static_cast<int>(b)), {0, element_count(step.buffers[b])}};
      writer_.compute("restart_momentum",
                      {ComputeKind::zero, -1, {{Role::gradients, Access::write, momentum}}, {0, 0, writer_.bytes(momentum)}});
    }
  }

  [[nodiscard]] bool averages_momentum() const { return plan_.local.momentum == LocalMomentum::average; }

  /// w *= share of the images, for the weights and momentum of a bucket.
  void weigh(std::size_t bucket) {
    if (ranks_ == 1) return;
    Compute weigh{ComputeKind::weigh, -1, {}, {}};
    for (const Role role : {Role::weights, Role::momentum}) {
      if (role == Role::momentum && !averages_momentum()) continue;
      const Region region = operand_of(buckets_[bucket], role).region;
      weigh.operands.push_back({role, Access::update, region});
      weigh.work += Work{static_cast<double>(region.slice.count), writer_.bytes(region), writer_.bytes(region)};
    }
    writer_.compute(cat("bucket", bucket, ".weigh"), std::move(weigh));
  }

  void average(std::size_t bucket) {
    if (ranks_ == 1) return;
    for (const Role role : {Role::weights, Role::momentum}) {
      if (role == Role::momentum && !averages_momentum()) continue;
      const bool momentum = role == Role::momentum;
      writer_.communicate(cat("bucket", bucket, momentum ? ".momentum.all_reduce" : ".weights.all_reduce"), kCommunicationStream, -1,
                          Collective{.kind = CollectiveKind::all_reduce,
                                     .algorithm = plan_.all_reduce,
                                     .axis = 0,
                                     .id = kFirstId + 2 * static_cast<int>(bucket) + (momentum ? 1 : 0),
                                     .root = 0,
                                     .chunks = plan_.chunks,
                                     .region = operand_of(buckets_[bucket], role).region,
                                     .channels = gradient_channels(plan_),
                                     .ranks_per_node = members_per_node(plan_.mesh, 0, plan_.ranks_per_node)});
    }
  }

  /// Nothing is computed while weights travel.
  void average_all() {
    for (std::size_t bucket = 0; bucket < buckets_.size(); ++bucket) weigh(bucket);
    for (std::size_t bucket = 0; bucket < buckets_.size(); ++bucket) average(bucket);
  }

  const std::map<int, Program>& steps_;
  const Plan& plan_;
  int ranks_;
  int images_;
  ProgramWriter writer_;
  std::map<int, std::map<int, int>> places_;  ///< by images of a step: see places_of()
  std::vector<Compute> buckets_;              ///< the updates of the last step
};

void check_settings(const Model& model, const Plan& plan) {
  const auto refuse = [&](bool wrong, const char* what) {
    if (wrong) throw InputError(cat("local SGD ", what));
  };
  refuse(plan.mesh.axes.size() != 1 || plan.batch_axis != 0 || plan.strategies != std::vector<std::string>{"data"} || !plan.overrides.empty(),
         "is for ranks that have the whole network; use one axis with the strategy data, and no overrides");
  refuse(plan.servers.count > 0 || plan.zero != 0, "keeps weights and momentum on every rank; leave servers and --zero out");
  refuse(plan.compression.method != "none", "sends weights, of which nothing can be left out; leave --compress out");
  refuse(plan.gradient_dtype.has_value(), "sends no gradients; use --gradients f32, or --plan data");
  refuse(plan.optimiser != Optimiser::sgd, "goes with --optimiser sgd");
  refuse(plan.synchronised_statistics && !states(model).empty(),
         "has ranks that do not wait for each other in forward; use --statistics local, or --plan data");
}

}  // namespace

void add_local_programs(Schedule& schedule, const Model& model, const Plan& plan) {
  check_settings(model, plan);
  schedule.local_steps = plan.local.steps;
  Plan alone = plan;  // one rank
  alone.mesh = {{{plan.mesh.axes.front().name, 1}}};
  alone.local = {};
  std::map<int, Program> steps;
  std::map<int, int> classes;  // by images
  for (int rank = 0; rank < schedule.mesh.world_size(); ++rank) {
    const auto images = static_cast<int>(shard(schedule.global_batch, schedule.mesh.world_size(), rank).count);
    const auto [found, fresh] = classes.try_emplace(images, static_cast<int>(schedule.programs.size()));
    schedule.class_of.push_back(found->second);
    if (!fresh) continue;
    for (const int step : {0, plan.local.steps - 1}) {  // the first has fewest images, the last most
      const auto count = static_cast<int>(shard(images, plan.local.steps, step).count);
      if (!steps.contains(count)) steps[count] = StepWriter(model, alone, Mode::train, count, {0}).write();
    }
    schedule.programs.push_back(LocalProgram(steps, plan, images).write());
  }
}

}  // namespace convoy
