#include "reference/schedule/checks.h"

#include <algorithm>
#include <set>
#include <utility>

#include "reference/core/error.h"

namespace convoy {
namespace {

/// The gradients of one update: what was done to them before.
class UpdateCheck {
 public:
  UpdateCheck(const Schedule& schedule, const Program& program, int rank, const ProgramOrder& order, const Touches& touches,
              const std::vector<std::size_t>& movers, int update, const Region& gradients)
      : schedule_(schedule),
        program_(program),
        rank_(rank),
        order_(order),
        touches_(touches),
        movers_(movers),
        update_(update),
        gradients_(gradients) {
    find_places();
  }

  void run(const std::vector<int>& axes, Problems& problems) {
    problems_ = &problems;
    for (int axis = 0; axis < static_cast<int>(schedule_.mesh.axes.size()); ++axis) {
      const bool wanted = std::find(axes.begin(), axes.end(), axis) != axes.end();
      const std::string& name = schedule_.mesh.axes[static_cast<std::size_t>(axis)].name;
      if (schedule_.mesh.axes[static_cast<std::size_t>(axis)].extent == 1) continue;
      if (!wanted && axis == schedule_.batch_axis && schedule_.local_steps == 0)
        complain(cat("which does not claim to be summed over axis '", name, "', which divides the batch"));
      check_axis(axis, name, wanted);
    }
    check_writes_after_conversion();
  }

 private:
  /// A region that holds the same gradients, in the same order: the flat buffer, or 16-bit copies of it.
  struct Place {
    Region region;
    int convert = -1;  ///< the op that brought them back from here
  };

  [[nodiscard]] const Op& op(int id) const { return program_.ops[static_cast<std::size_t>(id)]; }
  void complain(const std::string& what) const {
    if (!said_.insert(what).second) return;
    problems_->push_back({rank_, update_, "unreduced gradient",
                          cat("uses ", program_.buffers[static_cast<std::size_t>(gradients_.buffer)].name, "[",
                              gradients_.slice.offset, "+", gradients_.slice.count, "], ", what)});
  }
  [[nodiscard]] const Compute* convert_at(std::size_t id) const {
    const auto* compute = std::get_if<Compute>(&program_.ops[id].action);
    return compute != nullptr && compute->kind == ComputeKind::convert && compute->operands.size() == 2 ? compute : nullptr;
  }

  void find_places() {
    places_.push_back({gradients_, -1});
    for (const std::size_t id : movers_) {
      const Compute* convert = convert_at(id);
      if (convert == nullptr || !(convert->operands[1].region == gradients_) || !order_.before(static_cast<int>(id), update_))
        continue;
      places_.push_back({convert->operands[0].region, static_cast<int>(id)});
    }
  }

  void check_axis(int axis, const std::string& name, bool wanted) {
    std::vector<std::pair<int, Slice>> reductions;  // op and what it sums, as a slice of the flat buffer
    for (const std::size_t id : movers_) {
      const auto* collective = std::get_if<Collective>(&program_.ops[id].action);
      if (collective == nullptr || collective->axis != axis) continue;
      if (collective->kind != CollectiveKind::all_reduce && collective->kind != CollectiveKind::reduce &&
          collective->kind != CollectiveKind::reduce_scatter)
        continue;
      for (const Place& place : places_) {
        if (collective->region.buffer != place.region.buffer || !overlap(collective->region.slice, place.region.slice)) continue;
        Slice slice = collective->region.slice;
        if (collective->kind == CollectiveKind::reduce_scatter) {
          const CollectiveRequest request = request_of(schedule_, rank_, *collective);
          const Slice mine = part_of(request, request.rank);
          slice = {slice.offset + mine.offset, mine.count};
        }
        reductions.emplace_back(static_cast<int>(id),
                                Slice{slice.offset - place.region.slice.offset + gradients_.slice.offset, slice.count});
        if (collective->kind == CollectiveKind::reduce && schedule_.mesh.coordinate(rank_, axis) != collective->root)
          complain(cat("which op ", id, " sums at another rank"));
        check_writes_after(static_cast<int>(id), collective->region, place.convert);
        if (place.convert >= 0 && !order_.before(static_cast<int>(id), place.convert))
          complain(cat("which op ", place.convert, " brings back before op ", id, " has summed it"));
      }
    }
    add_payloads(axis, reductions);
    if (!wanted) {
      if (!reductions.empty())
        complain(
            cat("which op ", reductions.front().first, " sums over axis '", name, "', where every rank has the whole of it"));
      return;
    }
    std::vector<Slice> before_update;
    for (std::size_t i = 0; i < reductions.size(); ++i) {
      if (order_.before(reductions[i].first, update_)) before_update.push_back(reductions[i].second);
      for (std::size_t j = 0; j < i; ++j)
        if (overlap(reductions[i].second, reductions[j].second))
          complain(cat("part of which ops ", reductions[j].first, " and ", reductions[i].first, " both reduce"));
    }
    if (!covers(before_update, gradients_.slice)) complain(cat("not all of which has been reduced over axis '", name, "'"));
  }

  /// Gradients that travel compressed are summed where payloads of all ranks along the axis are added up.
  void add_payloads(int axis, std::vector<std::pair<int, Slice>>& reductions) const {
    for (const std::size_t id : movers_) {
      const auto* compute = std::get_if<Compute>(&program_.ops[id].action);
      if (compute == nullptr || compute->kind != ComputeKind::decompress || compute->operands.size() != 2) continue;
      const Region& payloads = compute->operands[0].region;
      const Region& sum = compute->operands[1].region;
      if (sum.buffer != gradients_.buffer || !overlap(sum.slice, gradients_.slice)) continue;
      for (const std::size_t other : movers_) {
        const int at = static_cast<int>(other);
        if (const auto* gathered = std::get_if<Collective>(&program_.ops[other].action);
            gathered != nullptr && gathered->kind == CollectiveKind::all_gather && gathered->axis == axis &&
            gathered->region == payloads && order_.before(at, static_cast<int>(id)))
          reductions.emplace_back(static_cast<int>(id), sum.slice);
        const auto* compress = std::get_if<Compute>(&program_.ops[other].action);
        if (compress == nullptr || compress->kind != ComputeKind::compress || !(compress->operands[0].region == sum)) continue;
        for (const Touch& touch : touches_[static_cast<std::size_t>(sum.buffer)])
          if (touch.write && touch.op != static_cast<int>(id) && overlap(touch.slice, sum.slice) && !order_.before(touch.op, at))
            complain(cat("which op ", touch.op, " (", op(touch.op).name, ") still changes after op ", at, " has compressed it"));
      }
    }
  }

  void check_writes_after(int reduction, const Region& region, int convert_back) const {
    for (const Touch& touch : touches_[static_cast<std::size_t>(region.buffer)])
      if (touch.write && touch.op != convert_back && std::holds_alternative<Compute>(op(touch.op).action) &&
          overlap(touch.slice, region.slice) && !order_.before(touch.op, reduction))
        complain(cat("which op ", touch.op, " (", op(touch.op).name, ") still changes after op ", reduction, " has reduced it"));
  }

  /// Where 16-bit copies are summed, nothing may be added to the gradients once they were copied.
  void check_writes_after_conversion() const {
    for (const std::size_t id : movers_) {
      const Compute* convert = convert_at(id);
      if (convert == nullptr || !(convert->operands[0].region == gradients_)) continue;
      for (const Touch& touch : touches_[static_cast<std::size_t>(gradients_.buffer)]) {
        if (!touch.write || !overlap(touch.slice, gradients_.slice) || convert_at(static_cast<std::size_t>(touch.op)) != nullptr)
          continue;
        if (!order_.before(touch.op, static_cast<int>(id)))
          complain(cat("which op ", touch.op, " (", op(touch.op).name, ") still changes after op ", id, " has copied it"));
      }
    }
  }

  const Schedule& schedule_;
  const Program& program_;
  int rank_;
  const ProgramOrder& order_;
  const Touches& touches_;
  const std::vector<std::size_t>& movers_;  ///< see movers_of()
  int update_;
  Region gradients_;
  std::vector<Place> places_;
  Problems* problems_ = nullptr;
  mutable std::set<std::string> said_;  ///< an op that writes weight and bias gradients breaks a rule once
};

/// The ops that gradients go through between backward and update: collectives, conversions and compression. Few of a long program.
std::vector<std::size_t> movers_of(const Program& program) {
  std::vector<std::size_t> movers;
  for (std::size_t id = 0; id < program.ops.size(); ++id) {
    const auto* compute = std::get_if<Compute>(&program.ops[id].action);
    if (std::holds_alternative<Collective>(program.ops[id].action) ||
        (compute != nullptr && (compute->kind == ComputeKind::convert || compute->kind == ComputeKind::compress ||
                                compute->kind == ComputeKind::decompress)))
      movers.push_back(id);
  }
  return movers;
}

}  // namespace

void check_gradients(const Schedule& schedule, const Program& program, int rank, const ProgramOrder& order,
                     const Touches& touches, Problems& problems) {
  const std::vector<std::size_t> movers = movers_of(program);
  for (std::size_t u = 0; u < program.ops.size(); ++u) {
    const auto* update = std::get_if<Compute>(&program.ops[u].action);
    if (update == nullptr || update->kind != ComputeKind::update) continue;
    for (const Operand& operand : update->operands)
      if (operand.role == Role::gradients)
        UpdateCheck(schedule, program, rank, order, touches, movers, static_cast<int>(u), operand.region)
            .run(update->summed_over, problems);
  }
}

}  // namespace convoy
