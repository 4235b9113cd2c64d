#include "reference/schedule/mean_check.h"

#include <algorithm>

#include "reference/core/error.h"
#include "reference/schedule/region.h"

namespace convoy {
namespace {

/// An op, and a region that it touches.
struct Part {
  int op;
  Region region;
};

class MeanCheck {
 public:
  MeanCheck(const Schedule& schedule, const Program& program, int rank, const ProgramOrder& order, std::vector<Problem>& problems)
      : schedule_(schedule), program_(program), rank_(rank), order_(order), problems_(problems) {}

  void run() {
    find_parts();
    for (const Part& mean : means_) check_mean(mean);
    for (const Part& changed : changed_) check_changed(changed);
  }

 private:
  [[nodiscard]] const Op& op(int id) const { return program_.ops[static_cast<std::size_t>(id)]; }
  [[nodiscard]] BufferKind kind_of(const Part& part) const {
    return program_.buffers[static_cast<std::size_t>(part.region.buffer)].kind;
  }
  [[nodiscard]] bool is_own(const Part& part) const {
    return program_.buffers[static_cast<std::size_t>(part.region.buffer)].name == kOwnMomentum;
  }
  void complain(const Part& part, const std::string& what) {
    problems_.push_back({rank_, part.op, "no mean",
                         cat(program_.buffers[static_cast<std::size_t>(part.region.buffer)].name, "[", part.region.slice.offset, "+",
                             part.region.slice.count, "] ", what)});
  }

  /// What updates change, once each; what is weighed, summed over the ranks that divide the batch, and set to 0.
  void find_parts() {
    for (int id = 0; id < static_cast<int>(program_.ops.size()); ++id) {
      if (const auto* collective = std::get_if<Collective>(&op(id).action);
          collective != nullptr && collective->kind == CollectiveKind::all_reduce && collective->axis == schedule_.batch_axis)
        means_.push_back({id, collective->region});
      const auto* compute = std::get_if<Compute>(&op(id).action);
      if (compute == nullptr) continue;
      for (const Operand& operand : compute->operands) {
        const Part part{id, operand.region};
        if (compute->kind == ComputeKind::weigh) weighed_.push_back(part);
        if (compute->kind == ComputeKind::zero && changed_.empty() && kind_of(part) == BufferKind::optimizer) cleared_.push_back(part);
        const bool changes = compute->kind == ComputeKind::update && operand.role != Role::gradients && !is_own(part);
        if (changes && std::ranges::find(changed_, operand.region, &Part::region) == changed_.end()) changed_.push_back(part);
      }
    }
  }

  /// Every op that touches what is averaged must have ended when it is weighed.
  void check_mean(const Part& mean) {
    std::vector<int> weighed;
    for (const Part& part : weighed_)
      if (part.region == mean.region && order_.before(part.op, mean.op)) weighed.push_back(part.op);
    if (weighed.size() != 1) return complain(mean, cat("is weighed ", weighed.size(), " times before it is summed over ranks, not once"));
    for (int id = 0; id < static_cast<int>(program_.ops.size()); ++id) {
      if (id == weighed.front() || id == mean.op || order_.before(id, weighed.front())) continue;
      const auto [reads, writes] = regions_of(op(id));
      for (const auto* regions : {&reads, &writes})
        if (std::ranges::any_of(*regions, [&](const Region& region) { return overlap(region, mean.region); }))
          return complain(mean, cat("is still used by op ", id, " (", op(id).name, ") when it is weighed"));
    }
  }

  void check_changed(const Part& changed) {
    std::vector<Slice> parts = slices(means_, changed.region);
    if (parts.empty()) parts = slices(cleared_, changed.region);
    std::ranges::sort(parts, {}, &Slice::offset);
    std::int64_t reached = changed.region.slice.offset;
    for (const Slice& part : parts) {
      if (part.offset > reached) break;
      if (part.offset < reached && reached > changed.region.slice.offset) return complain(changed, "becomes a mean over ranks twice");
      reached = std::max(reached, part.end());
    }
    if (reached < changed.region.slice.end()) complain(changed, "is changed, and does not become the mean over ranks");
  }

  [[nodiscard]] static std::vector<Slice> slices(const std::vector<Part>& parts, const Region& region) {
    std::vector<Slice> found;
    for (const Part& part : parts)
      if (overlap(part.region, region)) found.push_back(part.region.slice);
    return found;
  }

  const Schedule& schedule_;
  const Program& program_;
  int rank_;
  const ProgramOrder& order_;
  std::vector<Problem>& problems_;
  std::vector<Part> changed_, weighed_, means_, cleared_;
};

}  // namespace

void check_means(const Schedule& schedule, const Program& program, int rank, const ProgramOrder& order, std::vector<Problem>& problems) {
  if (schedule.local_steps == 0 || schedule.mesh.axes[static_cast<std::size_t>(schedule.batch_axis)].extent == 1) return;
  MeanCheck(schedule, program, rank, order, problems).run();
}

}  // namespace convoy
