/// What all_reduce = auto becomes in a schedule, and which members of a group share a node.
#include "reference/plans/choose_collectives.h"

#include <algorithm>

#include "reference/core/error.h"
#include "reference/core/random.h"
#include "reference/model/zoo.h"
#include "reference/plans/plan.h"
#include "reference/schedule/text.h"
#include "reference/schedule/validate.h"
#include "tests/catch.h"

using namespace convoy;

namespace {

/// Nodes of 8 with one NIC, a tenth as fast as what joins the ranks of a node.
const GroupTopology kNodes{.ranks_per_node = 8, .in_node = {2e-6, 100e9}, .between_nodes = {5e-6, 10e9}};

/// Whether members m and l of every group along the axis share a node exactly when m/k = l/k.
bool share_nodes_by(const Mesh& mesh, int axis, int ranks_per_node, int k) {
  for (int rank = 0; rank < mesh.world_size(); ++rank) {
    if (mesh.coordinate(rank, axis) != 0) continue;
    const std::vector<int> group = mesh.group(rank, axis);
    for (std::size_t m = 1; m < group.size(); ++m) {
      const bool together = group[m] / ranks_per_node == group[m - 1] / ranks_per_node;
      if (together != (static_cast<int>(m) / k == static_cast<int>(m - 1) / k)) return false;
    }
  }
  return true;
}

std::vector<Collective> buckets_of(const Schedule& schedule) {
  std::vector<Collective> found;
  for (const Program& program : schedule.programs)
    for (const Op& op : program.ops)
      if (const auto* collective = std::get_if<Collective>(&op.action); collective != nullptr && op.name.starts_with("bucket"))
        found.push_back(*collective);
  return found;
}

template <class Action>
std::string input_error(const Action& action) {
  try {
    action();
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("members that share a node are counted as nodes divide the mesh") {
  Random random(5);
  int told = 0;
  for (int round = 0; round < 3000; ++round) {
    Mesh mesh;
    for (std::int64_t a = 0; a <= random.below(3); ++a)
      mesh.axes.push_back({std::string(1, static_cast<char>('a' + a)), 1 + static_cast<int>(random.below(6))});
    const int axis = static_cast<int>(random.below(std::ssize(mesh.axes)));
    const int node = 1 + static_cast<int>(random.below(20));
    const int extent = mesh.axes[static_cast<std::size_t>(axis)].extent;
    const int members = members_per_node(mesh, axis, node);
    CAPTURE(round, axis, node, extent, members, mesh.world_size());
    REQUIRE((members >= 0 && members <= extent));
    REQUIRE(members_per_node(mesh, axis, 0) == 0);
    if (members == 0) continue;
    REQUIRE(share_nodes_by(mesh, axis, node, members));
    ++told;
  }
  REQUIRE(told > 1000);
  // 4 groups of images of 2 ranks each on nodes of 4; an axis of 3 does not fit.
  REQUIRE(members_per_node({{{"data", 4}, {"model", 2}}}, 0, 4) == 2);
  REQUIRE(members_per_node({{{"data", 4}, {"model", 2}}}, 1, 4) == 2);
  REQUIRE(members_per_node({{{"data", 10}}}, 0, 4) == 4);  // 4, 4 and 2
  REQUIRE(members_per_node({{{"data", 2}, {"model", 3}}}, 1, 4) == 0);
}

TEST_CASE("auto becomes what fits the size of each bucket, its group and the nodes") {
  Plan plan = make_plan("data", {.ranks = 32, .global_batch = 64});
  plan.all_reduce = "auto";
  plan.bucket_bytes = 1;
  plan.ranks_per_node = 8;
  plan.machine = kNodes;
  std::vector<AutomaticChoice> choices;
  const Schedule schedule = make_schedule(make_vgg16(), plan, Mode::train, &choices);
  REQUIRE(validate(schedule).empty());
  const std::vector<Collective> buckets = buckets_of(schedule);
  REQUIRE(buckets.size() == 16);
  REQUIRE(choices.size() == buckets.size());
  std::vector<std::string> algorithms;
  for (std::size_t b = 0; b < buckets.size(); ++b) {
    const CollectiveRequest request{.world_size = 32, .count = buckets[b].region.slice.count, .ranks_per_node = 8};
    const CollectiveChoice expected = choose_algorithm(CollectiveKind::all_reduce, request, 4, kNodes);
    CAPTURE(b, buckets[b].algorithm, expected.why);
    REQUIRE(buckets[b].algorithm == expected.best.algorithm);
    REQUIRE(buckets[b].channels == expected.best.channels);
    REQUIRE(buckets[b].chunks == expected.best.chunks);
    REQUIRE(buckets[b].ranks_per_node == 8);
    REQUIRE(choices[b].bytes == buckets[b].region.slice.count * 4);
    REQUIRE(in_words(choices[b]).find("over 32 ranks, 8 a node: " + buckets[b].algorithm) != std::string::npos);
    if (std::find(algorithms.begin(), algorithms.end(), buckets[b].algorithm) == algorithms.end())
      algorithms.push_back(buckets[b].algorithm);
  }
  REQUIRE(algorithms.size() > 1);  // 7 kB and 411 MB are not alike
  REQUIRE(parse_schedule(to_text(schedule)) == schedule);
}

TEST_CASE("groups inside a node and across nodes are chosen for separately") {
  Plan plan = make_plan("hybrid", {.ranks = 16, .global_batch = 32, .split = 8, .inside = "spatial"});
  plan.all_reduce = "auto";
  plan.ranks_per_node = 8;
  plan.machine = kNodes;
  std::vector<AutomaticChoice> choices;
  const Schedule schedule = make_schedule(make_resnet20(), plan, Mode::train, &choices);
  int inside = 0, across = 0;
  for (const AutomaticChoice& choice : choices) {
    const bool data = choice.axis == plan.mesh.axes[0].name;
    REQUIRE(choice.members == (data ? 2 : 8));
    REQUIRE(choice.ranks_per_node == (data ? 1 : 8));
    ++(data ? across : inside);
  }
  REQUIRE((inside > 0 && across > 0));
  for (const Collective& bucket : buckets_of(schedule)) REQUIRE(bucket.algorithm != "auto");
}

TEST_CASE("what cannot be chosen or done is told") {
  Plan plan = make_plan("data", {.ranks = 12, .global_batch = 24});
  plan.all_reduce = "auto";
  REQUIRE(input_error([&] { make_schedule(make_lenet5(), plan); }).find("none is known here; give --cluster") !=
          std::string::npos);
  plan.all_reduce = "hierarchical";
  plan.ranks_per_node = 8;
  REQUIRE(input_error([&] { make_schedule(make_lenet5(), plan); }).find("12 ranks do not fill nodes of 8") != std::string::npos);
  plan.ranks_per_node = 4;
  const Schedule schedule = make_schedule(make_lenet5(), plan);
  REQUIRE(validate(schedule).empty());
  for (const Collective& bucket : buckets_of(schedule)) REQUIRE(bucket.ranks_per_node == 4);
}

TEST_CASE("an algorithm has as many channels as it usually has, or as the plan says") {
  Plan plan = make_plan("data", {.ranks = 4, .global_batch = 8});
  for (const CollectiveAlgorithm& row : collective_algorithms()) {
    if (row.kind != CollectiveKind::all_reduce) continue;
    plan.all_reduce = row.name;
    plan.channels = 0;
    for (const Collective& bucket : buckets_of(make_schedule(make_lenet5(), plan)))
      REQUIRE(bucket.channels == row.usual_channels);
  }
  plan.all_reduce = "ring";
  plan.channels = 3;
  for (const Collective& bucket : buckets_of(make_schedule(make_lenet5(), plan))) REQUIRE(bucket.channels == 3);
}
