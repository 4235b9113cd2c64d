/// Bytes that ranks send, compared with the closed forms that the files of the plans state, worked out here a second time.
#include "reference/plans/volume.h"

#include <array>
#include <map>

#include "reference/model/builder.h"
#include "reference/model/zoo.h"
#include "reference/plans/plan.h"
#include "tests/catch.h"

using namespace convoy;

namespace {

constexpr std::int64_t kFloat = 4;  // bytes

std::vector<NodeVolume> volumes_of(const Model& model, const Plan& plan) { return volumes(model, make_schedule(model, plan)); }

int node_named(const Model& model, const std::string& name) {
  for (std::size_t i = 0; i < model.nodes.size(); ++i)
    if (model.nodes[i].name == name) return static_cast<int>(i);
  FAIL("no node " << name);
  return -1;
}

const NodeVolume& of(const std::vector<NodeVolume>& all, int node) { return all.at(static_cast<std::size_t>(node)); }

void check_all(const Volume& volume, std::int64_t bytes) {
  for (std::size_t r = 0; r < volume.sent_bytes.size(); ++r) {
    CAPTURE(r);
    CHECK(volume.sent_bytes[r] == bytes);
  }
}

}  // namespace

TEST_CASE("data sends 2 W (n-1)/n, whatever the buckets") {
  // VGG-16 has 138,357,544 learned values (Simonyan and Zisserman 2015); 8 divides them evenly.
  const Model model = make_vgg16();
  for (const std::int64_t bucket : {std::int64_t{1} << 40, std::int64_t{25} << 20}) {
    Plan plan = make_plan("data", {.ranks = 8, .global_batch = 64});
    plan.bucket_bytes = bucket;
    const std::vector<NodeVolume> all = volumes_of(model, plan);
    REQUIRE(all.size() == model.nodes.size() + 1);
    check_all(all.back().backward, 2 * 138'357'544 / 8 * 7 * kFloat);
    REQUIRE(all.back().backward.kinds == std::vector<std::string>{"all_reduce"});
    for (std::size_t i = 0; i < model.nodes.size(); ++i) {
      REQUIRE(all[i].forward.total_bytes() == 0);
      REQUIRE(all[i].backward.total_bytes() == 0);
    }
    plan.gradient_dtype = DType::bf16;  // half the bytes
    check_all(volumes_of(model, plan).back().backward, 138'357'544 / 8 * 7 * kFloat);
  }
}

TEST_CASE("filter sends (n-1)/n of what goes into a layer, in both directions, and no gradients of weights") {
  const Model model = make_vgg16();
  const int n = 4, batch = 3;
  const std::vector<NodeVolume> all = volumes_of(model, make_plan("filter", {.ranks = n, .global_batch = batch}));
  // Inputs of layers, C x H x W: those of configuration D. The images are nobody's gradient, and every rank loads them.
  const std::map<std::string, std::int64_t> inputs = {{"conv1_2", 64 * 224 * 224},
                                                      {"conv2_1", 64 * 112 * 112},
                                                      {"conv2_2", 128 * 112 * 112},
                                                      {"conv3_1", 128 * 56 * 56},
                                                      {"conv3_2", 256 * 56 * 56},
                                                      {"conv4_1", 256 * 28 * 28},
                                                      {"conv4_2", 512 * 28 * 28},
                                                      {"conv5_1", 512 * 14 * 14},
                                                      {"conv5_3", 512 * 14 * 14},
                                                      {"fc6", 512 * 7 * 7},
                                                      {"fc7", 4096},
                                                      {"fc8", 4096}};
  for (const auto& [name, elements] : inputs) {
    CAPTURE(name);
    const NodeVolume& volume = of(all, node_named(model, name));
    check_all(volume.forward, batch * elements / n * (n - 1) * kFloat);
    check_all(volume.backward, batch * elements / n * (n - 1) * kFloat);
    CHECK(volume.forward.kinds == std::vector<std::string>{"all_gather"});
    CHECK(volume.backward.kinds == std::vector<std::string>{"reduce_scatter"});
  }
  check_all(of(all, node_named(model, "conv1_1")).forward, 0);
  check_all(of(all, node_named(model, "conv1_1")).backward, 0);
  check_all(all.back().backward, 0);
}

TEST_CASE("channel sends (n-1)/n of what comes out of a layer, in both directions") {
  const Model model = make_vgg16();
  const int n = 4, batch = 3;
  const std::vector<NodeVolume> all = volumes_of(model, make_plan("channel", {.ranks = n, .global_batch = batch}));
  const std::map<std::string, std::int64_t> outputs = {{"conv1_2", 64 * 224 * 224},
                                                       {"conv2_1", 128 * 112 * 112},
                                                       {"conv3_3", 256 * 56 * 56},
                                                       {"conv5_3", 512 * 14 * 14},
                                                       {"fc6", 4096},
                                                       {"fc7", 4096}};
  for (const auto& [name, elements] : outputs) {
    CAPTURE(name);
    const NodeVolume& volume = of(all, node_named(model, name));
    check_all(volume.forward, batch * elements / n * (n - 1) * kFloat);
    check_all(volume.backward, batch * elements / n * (n - 1) * kFloat);
    CHECK(volume.forward.kinds == std::vector<std::string>{"reduce_scatter"});
    CHECK(volume.backward.kinds == std::vector<std::string>{"all_gather"});
  }
  // The last layer's sum goes to every rank; conv1_1 has 3 input channels, fewer than ranks.
  check_all(of(all, node_named(model, "fc8")).forward, 2 * (batch * 1000) / n * (n - 1) * kFloat);
  check_all(of(all, node_named(model, "conv1_1")).forward, 0);
}

TEST_CASE("megatron sends one all-reduce a pair and direction") {
  const Model model = make_vgg16();
  const int n = 4, batch = 3;
  const Schedule schedule = make_schedule(model, make_plan("megatron", {.ranks = n, .global_batch = batch}));
  // Pairs: (1_1, 1_2), (2_1, 2_2), (3_1, 3_2), (3_3, 4_1), (4_2, 4_3), (5_1, 5_2), (5_3, fc6), (fc7, fc8). Outputs of the second:
  const std::map<std::string, std::int64_t> second = {{"conv1_2", 64 * 224 * 224},
                                                      {"conv2_2", 128 * 112 * 112},
                                                      {"conv3_2", 256 * 56 * 56},
                                                      {"conv4_1", 512 * 28 * 28},
                                                      {"conv4_3", 512 * 28 * 28},
                                                      {"conv5_2", 512 * 14 * 14},
                                                      {"fc6", 4096},
                                                      {"fc8", 1000}};
  // Inputs of the first, of which a gradient is wanted.
  const std::map<std::string, std::int64_t> first = {{"conv2_1", 64 * 112 * 112},
                                                     {"conv3_1", 128 * 56 * 56},
                                                     {"conv3_3", 256 * 56 * 56},
                                                     {"conv4_2", 512 * 28 * 28},
                                                     {"conv5_1", 512 * 14 * 14},
                                                     {"conv5_3", 512 * 14 * 14},
                                                     {"fc7", 4096}};
  std::map<std::string, int> forward, backward;
  for (const Communication& c : communications(model, schedule)) {
    CAPTURE(c.name);
    REQUIRE(c.what == "all_reduce");
    const std::string& node = model.nodes.at(static_cast<std::size_t>(c.node)).name;
    const bool is_forward = c.direction == Direction::forward;
    ++(is_forward ? forward : backward)[node];
    const auto& elements = is_forward ? second : first;
    REQUIRE(elements.contains(node));
    for (const std::int64_t bytes : c.sent_bytes) CHECK(bytes == 2 * (batch * elements.at(node)) / n * (n - 1) * kFloat);
  }
  for (const auto& [name, elements] : second) CHECK(forward[name] == 1);
  for (const auto& [name, elements] : first) CHECK(backward[name] == 1);
}

TEST_CASE("spatial sends a row of the halo to either neighbour, and sums gradients like data") {
  const Model model = make_vgg16();
  const int n = 4, batch = 3;
  const std::vector<NodeVolume> all = volumes_of(model, make_plan("spatial", {.ranks = n, .global_batch = batch}));
  const std::map<std::string, std::array<std::int64_t, 2>> rows = {
      {"conv1_1", {3, 224}}, {"conv1_2", {64, 224}}, {"conv2_1", {64, 112}}, {"conv2_2", {128, 112}}, {"conv3_1", {128, 56}}};
  for (const auto& [name, x] : rows) {
    CAPTURE(name);
    const NodeVolume& volume = of(all, node_named(model, name));
    const std::int64_t row = batch * x[0] * x[1] * kFloat;
    const bool images = name == "conv1_1";  // loaded whole by every rank, and nobody wants their gradient
    const std::vector<std::int64_t> expected =
        images ? std::vector<std::int64_t>{0, 0, 0, 0} : std::vector<std::int64_t>{row, 2 * row, 2 * row, row};
    CHECK(volume.forward.sent_bytes == expected);
    CHECK(volume.backward.sent_bytes == expected);
    CHECK(volume.forward.most_bytes() == (images ? 0 : 2 * row));
    CHECK(volume.forward.mean_bytes() == Approx(images ? 0 : 1.5 * static_cast<double>(row)));
  }
  // 2x2 windows with stride 2 that begin on even rows reach over no border: 224 and 112 rows on 4 ranks.
  check_all(of(all, node_named(model, "pool1")).forward, 0);
}

TEST_CASE("one weird trick sends (n-1)/n of the convolutional part's output, and sums its gradients alone") {
  const Model model = make_vgg16();
  const int n = 4, batch = 8;
  const std::int64_t linear = 25'088 * 4'096 + 4'096 + 4'096 * 4'096 + 4'096 + 4'096 * 1'000 + 1'000;
  const std::int64_t convolutional = 138'357'544 - linear;
  REQUIRE(convolutional == 14'714'688);
  const std::int64_t handed_over = batch * 25'088 / n * (n - 1) * kFloat;
  for (const ExchangeScheme scheme : {ExchangeScheme::a, ExchangeScheme::b, ExchangeScheme::c}) {
    const int images = scheme == ExchangeScheme::c ? 16 : batch;
    CAPTURE(to_string(scheme));
    const std::vector<NodeVolume> all =
        volumes_of(model, make_plan("one_weird_trick", {.ranks = n, .global_batch = images, .scheme = scheme}));
    check_all(all.back().backward, 2 * convolutional / n * (n - 1) * kFloat);
    // Who reads the pooled output: Flatten in scheme a, which needs nothing itself, so fc6 through it.
    std::int64_t forward = 0, backward = 0;
    for (const char* name : {"flatten", "fc6"}) {
      const NodeVolume& volume = of(all, node_named(model, name));
      forward += volume.forward.total_bytes();
      backward += volume.backward.total_bytes();
    }
    // A broadcast of one rank's images to all others, and the reduction back, move as much in sum: (n-1) times the images.
    CHECK(forward == n * handed_over * images / batch);
    CHECK(backward == n * handed_over * images / batch);
    const NodeVolume& fc7 = of(all, node_named(model, "fc7"));
    check_all(fc7.forward, images * 4'096 / n * (n - 1) * kFloat);
    check_all(fc7.backward, images * 4'096 / n * (n - 1) * kFloat);
  }
}

TEST_CASE("data_parallel_root has its bottleneck at rank 0") {
  const Model model = make_vgg16();
  const int n = 4, batch = 8;
  const std::vector<NodeVolume> all = volumes_of(model, make_plan("data_parallel_root", {.ranks = n, .global_batch = batch}));
  const std::int64_t weights = 138'357'544 * kFloat;
  CHECK(all.back().forward.sent_bytes == std::vector<std::int64_t>{2 * weights, weights, 0, 0});  // a binomial tree
  CHECK(all.back().backward.total_bytes() == 3 * weights);
  CHECK(all.back().backward.sent_bytes[0] == 0);
  const std::int64_t images = batch / n * (n - 1) * 3 * 224 * 224 * kFloat;
  CHECK(of(all, node_named(model, "conv1_1")).forward.sent_bytes == std::vector<std::int64_t>{images, 0, 0, 0});
  const std::int64_t scores = batch / n * 1'000 * kFloat;
  CHECK(of(all, node_named(model, "loss")).forward.sent_bytes == std::vector<std::int64_t>{0, scores, scores, scores});
  CHECK(of(all, node_named(model, "loss")).backward.sent_bytes == std::vector<std::int64_t>{3 * scores, 0, 0, 0});
}

TEST_CASE("hybrid sends what the inner plan does for its share, and 2 W (g-1)/g of a rank's weights") {
  const Model model = make_vgg16();
  const int inner = 4, groups = 2, batch = 6;
  const std::vector<NodeVolume> all = volumes_of(
      model, make_plan("hybrid", {.ranks = inner * groups, .global_batch = batch, .split = inner, .inside = "filter"}));
  const std::int64_t share = batch / groups;
  check_all(of(all, node_named(model, "fc7")).forward, share * 4'096 / inner * (inner - 1) * kFloat);
  check_all(of(all, node_named(model, "fc7")).backward, share * 4'096 / inner * (inner - 1) * kFloat);
  check_all(all.back().backward, 2 * (138'357'544 / inner) / groups * (groups - 1) * kFloat);
}

TEST_CASE("every named plan: what is sent of a schedule is the sum over its communication ops, each counted once") {
  for (const char* model_name : {"lenet5", "resnet20"}) {
    const Model model = make_model(model_name);
    for (const NamedPlan& named : named_plans()) {
      for (const bool synchronised : {false, true}) {
        if (synchronised && (named.name == "parameter_server" || named.name == "local_sgd")) continue;  // which refuse them
        Plan plan = make_plan(named.name, {.ranks = 4, .global_batch = 10, .split = 2, .inside = "spatial"});
        plan.synchronised_statistics = synchronised;
        CAPTURE(model_name, named.name, synchronised);
        const Schedule schedule = make_schedule(model, plan);
        std::vector<std::int64_t> by_op(4, 0), by_node(4, 0);
        for (int rank = 0; rank < 4; ++rank)
          for (const Op& op : schedule.program(rank).ops) {
            if (const auto* exchange = std::get_if<Exchange>(&op.action))
              by_op[static_cast<std::size_t>(rank)] +=
                  exchange->send ? region_bytes(schedule.program(rank), exchange->send->region) : 0;
            if (const auto* serve = std::get_if<Serve>(&op.action))
              for (const Message& pull : serve->pulls)
                by_op[static_cast<std::size_t>(rank)] += region_bytes(schedule.program(rank), pull.region);
            if (const auto* collective = std::get_if<Collective>(&op.action)) {
              // Counted by the rounds, not by the formula.
              const CollectiveAlgorithm& algorithm = collective_algorithm(collective->kind, collective->algorithm);
              const Rounds rounds = algorithm.rounds(request_of(schedule, rank, *collective));
              const Buffer& buffer = schedule.program(rank).buffers[static_cast<std::size_t>(collective->region.buffer)];
              for (std::int64_t i = 0; i < rounds.count; ++i)
                if (const Round round = rounds.at(i); round.send)
                  by_op[static_cast<std::size_t>(rank)] += round.send->slice.count * size_bytes(buffer.dtype);
            }
          }
        for (const NodeVolume& node : volumes(model, schedule))
          for (std::size_t rank = 0; rank < 4; ++rank)
            by_node[rank] += node.forward.sent_bytes[rank] + node.backward.sent_bytes[rank];
        CHECK(by_node == by_op);
        CHECK(*std::max_element(by_node.begin(), by_node.end()) > 0);
      }
    }
  }
}
