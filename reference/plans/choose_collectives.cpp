#include "reference/plans/choose_collectives.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "reference/core/error.h"
#include "reference/core/units.h"

namespace convoy {
namespace {

const Axis& axis_of(const Schedule& schedule, const Collective& collective) {
  return schedule.mesh.axes.at(static_cast<std::size_t>(collective.axis));
}

/// What is chosen for collectives of one kind, axis, count and size of elements: the same for all of them.
class Chooser {
 public:
  Chooser(const Schedule& schedule, const GroupTopology& machine) : schedule_(schedule), machine_(machine) {}

  const CollectiveChoice& choice_for(const Collective& collective, std::int64_t element_bytes) {
    const auto [found, fresh] = known_.try_emplace(
        {static_cast<std::int64_t>(collective.kind), collective.axis, collective.region.slice.count, element_bytes});
    if (fresh) {
      GroupTopology topology = machine_;
      topology.ranks_per_node = 0;
      if (machine_.ranks_per_node > 0)
        topology.ranks_per_node = std::max(1, members_per_node(schedule_.mesh, collective.axis, machine_.ranks_per_node));
      CollectiveRequest request = request_of(schedule_, 0, collective);
      request.ranks_per_node = topology.ranks_per_node;
      found->second = choose_algorithm(collective.kind, request, static_cast<double>(element_bytes), topology);
    }
    return found->second;
  }

 private:
  const Schedule& schedule_;
  const GroupTopology& machine_;
  std::map<std::array<std::int64_t, 4>, CollectiveChoice> known_;
};

}  // namespace

int members_per_node(const Mesh& mesh, int axis, int ranks_per_node) {
  require(axis >= 0 && axis < static_cast<int>(mesh.axes.size()) && ranks_per_node >= 0, "members_per_node", "axis ", axis,
          " of ", mesh.axes.size(), ", ", ranks_per_node, " ranks in a node");
  const std::int64_t node = ranks_per_node;
  const std::int64_t extent = mesh.axes[static_cast<std::size_t>(axis)].extent;
  std::int64_t stride = 1;  // from a member to the next
  for (std::size_t inner = static_cast<std::size_t>(axis) + 1; inner < mesh.axes.size(); ++inner)
    stride *= mesh.axes[inner].extent;
  const std::int64_t span = stride * extent;  // ranks from the first member of a group to that of the next one outside
  const bool one_block = span == mesh.world_size();
  if (node == 0) return 0;
  if (stride >= node) return 1;
  if (node >= mesh.world_size() || node % span == 0) return static_cast<int>(extent);
  const bool in_whole_parts = node % stride == 0 && (one_block || span % node == 0);
  return in_whole_parts ? static_cast<int>(std::min(extent, node / stride)) : 0;
}

std::vector<AutomaticChoice> choose_collectives(Schedule& schedule, const std::optional<GroupTopology>& machine) {
  std::vector<AutomaticChoice> choices;
  std::set<std::pair<int, int>> told;  // axis and id
  std::optional<Chooser> chooser;
  for (Program& program : schedule.programs)
    for (Op& op : program.ops) {
      auto* collective = std::get_if<Collective>(&op.action);
      if (collective == nullptr || collective->algorithm != kAutomatic) continue;
      if (!machine)
        throw InputError(
            "all-reduce 'auto' chooses by the links of a machine, and none is known here; give --cluster, or name an "
            "algorithm ('convoy collective --list' has them)");
      if (!chooser) chooser.emplace(schedule, *machine);
      const Buffer& buffer = program.buffers.at(static_cast<std::size_t>(collective->region.buffer));
      const CollectiveChoice& choice = chooser->choice_for(*collective, size_bytes(buffer.dtype));
      collective->algorithm = choice.best.algorithm;
      collective->channels = choice.best.channels;
      collective->chunks = choice.best.chunks;
      const int members = axis_of(schedule, *collective).extent;
      if (members > 1 && told.emplace(collective->axis, collective->id).second)
        choices.push_back({.op = op.name,
                           .axis = axis_of(schedule, *collective).name,
                           .members = members,
                           .ranks_per_node = collective->ranks_per_node,
                           .bytes = region_bytes(program, collective->region),
                           .choice = choice});
    }
  return choices;
}

std::string in_words(const AutomaticChoice& choice) {
  const bool several = choice.ranks_per_node > 0 && choice.ranks_per_node < choice.members;
  return cat(choice.op, ", ", format_bytes(static_cast<double>(choice.bytes)), " over ", choice.members, " ranks",
             several ? cat(", ", choice.ranks_per_node, " a node") : "", ": ", choice.choice.why);
}

}  // namespace convoy
