/// What lies where: the table of rules, and what a layout makes of it.
#include "reference/plans/layout.h"

#include "reference/core/error.h"
#include "reference/model/builder.h"
#include "tests/catch.h"

using namespace convoy;

namespace {

using Kind = Placement::Kind;

/// What a rule says about one node with one input.
NodePlacement of(const Layer& layer, const Shape& x, Rule rule, int extent, const Placement& producer = replicated()) {
  const Node node{"node", layer};
  return placement_of({node, {x}, output_shape(layer, x), {producer}}, rule, extent);
}

Model small() {
  ModelBuilder net("small", {1, 3, 8, 6}, 4);
  net.add("conv1", Conv2d{6, square_window(3, 1, 1)});
  const int relu = net.add("relu", ReLU{});
  net.add("conv2", Conv2d{6, square_window(3, 1, 1)});
  const int norm = net.add("norm", BatchNorm2d{});
  net.add("add", Add{}, {norm, relu});
  net.add("average", GlobalAvgPool2d{});
  net.add("flatten", Flatten{});
  net.add("fc", Linear{4});
  return net.finish();
}

Layout layout(const Plan& plan) { return layout_of(small(), plan, plan.global_batch); }

const NodeLayout& node(const Layout& layout, const std::string& name) {
  const Model model = small();
  for (std::size_t i = 0; i < model.nodes.size(); ++i)
    if (model.nodes[i].name == name) return layout.nodes[i];
  throw std::invalid_argument("no node " + name);
}

}  // namespace

TEST_CASE("rules of a convolution: weights, input, output and gradients as in the table") {
  const Conv2d conv{5, square_window(3, 1, 1)};
  const Shape x{6, 4, 7, 7};
  const Placement filters = sharded(Dim::channels, {{0, 2}, {2, 3}});

  const NodePlacement filter = of(conv, x, Rule::filter, 2);
  REQUIRE(filter.inputs.front() == replicated());
  REQUIRE(filter.made == filters);
  REQUIRE(filter.given_dy == filters);
  REQUIRE(filter.dx.front() == partial());
  REQUIRE(filter.weight == sharded(Dim::batch, {{0, 2}, {2, 3}}));  // of [K,C,R,S]
  REQUIRE(filter.bias == filters);
  REQUIRE_FALSE(filter.weights_partial);

  const Placement channels = sharded(Dim::channels, {{0, 2}, {2, 2}});
  const NodePlacement channel = of(conv, x, Rule::channel, 2);
  REQUIRE(channel.inputs.front() == channels);
  REQUIRE(channel.made == partial());
  REQUIRE(channel.given_dy == replicated());
  REQUIRE(channel.dx.front() == channels);
  REQUIRE(channel.weight == channels);
  REQUIRE(channel.bias == replicated());
  // It takes the channels as they come.
  const Placement handed = sharded(Dim::channels, {{0, 1}, {1, 3}});
  REQUIRE(of(conv, x, Rule::channel, 2, handed).inputs.front() == handed);

  const NodePlacement batch = of(conv, x, Rule::batch, 4);
  REQUIRE(batch.made == sharded(Dim::batch, even_parts(6, 4)));
  REQUIRE(batch.dx.front() == batch.made);
  REQUIRE(batch.weight == replicated());
  REQUIRE(batch.weights_partial);
  REQUIRE(batch.different_samples);

  const NodePlacement spatial = of(conv, x, Rule::spatial, 2);
  REQUIRE(spatial.made == sharded(Dim::rows, {{0, 3}, {3, 4}}));
  REQUIRE(spatial.inputs.front() == sharded(Dim::rows, {{0, 4}, {2, 5}}));
  REQUIRE(to_string(spatial.inputs.front()) == "Shard(rows) + halo");
  REQUIRE(spatial.dx.front().terms);
  REQUIRE(spatial.weights_partial);
  REQUIRE_FALSE(spatial.different_samples);
  for (const Rule rule : {Rule::filter, Rule::channel, Rule::batch, Rule::spatial})
    REQUIRE(of(conv, x, rule, 1).made == replicated());  // one rank divides nothing
}

TEST_CASE("rules of other layers") {
  const NodePlacement grouped = of(Conv2d{8, square_window(3), true, 4}, {2, 12, 5, 5}, Rule::grouped, 3);
  REQUIRE(grouped.inputs.front() == sharded(Dim::channels, {{0, 3}, {3, 3}, {6, 6}}));
  REQUIRE(grouped.made == sharded(Dim::channels, {{0, 2}, {2, 2}, {4, 4}}));
  REQUIRE(grouped.weight == sharded(Dim::batch, {{0, 2}, {2, 2}, {4, 4}}));

  const NodePlacement norm = of(LocalResponseNorm{.size = 4}, {2, 7, 5, 5}, Rule::channels, 2);
  REQUIRE(norm.made == sharded(Dim::channels, {{0, 3}, {3, 4}}));
  REQUIRE(norm.inputs.front() == sharded(Dim::channels, {{0, 4}, {1, 6}}));  // two before and one behind
  REQUIRE(norm.dx.front().terms);

  const NodePlacement flat = of(Flatten{}, {2, 3, 2, 2}, Rule::channels, 2);
  REQUIRE(flat.inputs.front() == sharded(Dim::channels, {{0, 1}, {1, 2}}));
  REQUIRE(flat.made == sharded(Dim::channels, {{0, 4}, {4, 8}}));

  const NodePlacement average = of(GlobalAvgPool2d{}, {2, 3, 5, 5}, Rule::spatial, 2);
  REQUIRE(average.inputs.front() == sharded(Dim::rows, {{0, 2}, {2, 3}}));
  REQUIRE(average.made == partial());
  REQUIRE(average.given_dy == replicated());

  const NodePlacement root = of(SoftmaxCrossEntropy{}, {5, 4, 1, 1}, Rule::root, 3);
  REQUIRE(root.inputs.front() == sharded(Dim::batch, {{0, 5}, {5, 0}, {5, 0}}));

  // A linear layer behind channels of 2x2 values: every channel is 4 of its inputs.
  const NodePlacement linear = of(Linear{3}, {2, 3, 2, 2}, Rule::channel, 2);
  REQUIRE(linear.weight == sharded(Dim::channels, {{0, 4}, {4, 8}}));
}

TEST_CASE("rows needed by a window are those that it reads") {
  for (const int kernel : {1, 2, 3, 5})
    for (const int stride : {1, 2, 3})
      for (const int padding : {0, 1, 2})
        for (const int rows : {5, 8}) {
          if (padding > kernel / 2) continue;
          const Window window = square_window(kernel, stride, padding);
          const int outputs = window.output_h(rows);
          for (int first = 0; first < outputs; ++first)
            for (int count = 0; first + count <= outputs; ++count) {
              std::int64_t low = rows, high = 0;
              for (int p = first; p < first + count; ++p)
                for (int r = 0; r < kernel; ++r)
                  if (const int h = p * stride + r - padding; h >= 0 && h < rows) {
                    low = std::min<std::int64_t>(low, h);
                    high = std::max<std::int64_t>(high, h + 1);
                  }
              const Slice needed = rows_needed(window, {first, count}, rows);
              REQUIRE(needed.count == std::max<std::int64_t>(0, high - low));
              if (needed.count > 0) REQUIRE(needed.offset == low);
              REQUIRE((needed.offset >= 0 && needed.end() <= rows));
            }
        }
}

TEST_CASE("rules are written and read, and what they cannot divide is refused") {
  for (const Rule rule :
       {Rule::replicate, Rule::batch, Rule::filter, Rule::channel, Rule::channels, Rule::grouped, Rule::spatial, Rule::root})
    REQUIRE(parse_rule(to_string(rule)) == rule);
  REQUIRE_THROWS_AS(parse_rule("fliter"), InputError);
  const Shape x{2, 4, 7, 7};
  REQUIRE_THROWS_AS(of(ReLU{}, x, Rule::filter, 2), InputError);
  REQUIRE_THROWS_AS(of(Linear{4}, x, Rule::spatial, 2), InputError);
  REQUIRE_THROWS_AS(of(Conv2d{4, square_window(1), true, 2}, x, Rule::filter, 2), InputError);
  REQUIRE_THROWS_AS(of(Conv2d{4, square_window(1), true, 2}, x, Rule::grouped, 3), InputError);
  REQUIRE_THROWS_AS(of(SoftmaxCrossEntropy{}, {2, 4, 1, 1}, Rule::channels, 2), InputError);
  REQUIRE_THROWS_AS(of(ReLU{}, x, Rule::channels, 5), InputError);
  REQUIRE_NOTHROW(of(ReLU{}, x, Rule::channels, 4));
}

TEST_CASE("a sum goes where all who read it want it") {
  const Layout channel = layout(make_plan("channel", {.ranks = 2, .global_batch = 4}));
  const Placement parts = sharded(Dim::channels, even_parts(6, 2));
  REQUIRE(node(channel, "conv1").made.front() == partial());
  REQUIRE(node(channel, "conv1").output.front() == parts);      // relu works on channels: a reduce-scatter
  REQUIRE(node(channel, "fc").output.front() == replicated());  // the loss needs all: an all-reduce
  REQUIRE(node(channel, "conv2").inputs.front().front() == parts);

  // With one reader that wants channels and one that wants all, every rank gets all.
  Plan plan = make_plan("channel", {.ranks = 2, .global_batch = 4});
  plan.overrides = {{"relu", {{"model", Rule::replicate}}}, {"norm", {{"model", Rule::replicate}}}};
  const Layout mixed = layout(plan);
  REQUIRE(node(mixed, "conv1").output.front() == replicated());
  REQUIRE(node(mixed, "conv2").output.front() == replicated());

  // Windows with gaps between them want no partition.
  REQUIRE(is_partition(parts, 6));
  REQUIRE_FALSE(is_partition(parts, 7));
  REQUIRE_FALSE(is_partition(sharded(Dim::rows, {{0, 1}, {2, 1}}), 4));
  REQUIRE_FALSE(is_partition(sharded(Dim::rows, {{0, 3}, {2, 1}}), 4));
}

TEST_CASE("images are loaded by parts where all who read them want the same samples") {
  Plan plan = make_plan("filter", {.ranks = 2, .global_batch = 5});
  REQUIRE(layout(plan).images.front() == replicated());
  plan.strategies = {"data"};  // divided by images on an axis that is not the batch axis
  REQUIRE(layout(plan).images.front() == sharded(Dim::batch, even_parts(5, 2)));
  REQUIRE(layout(make_plan("spatial", {.ranks = 2, .global_batch = 5})).images.front() == replicated());  // whole images
  REQUIRE(layout(make_plan("data_parallel_root", {.ranks = 3, .global_batch = 5})).images.front() ==
          sharded(Dim::batch, {{0, 5}, {5, 0}, {5, 0}}));
}

TEST_CASE("gradients are summed over the axes on which their terms lie, statistics over those that the plan says") {
  Plan plan{.name = "three",
            .mesh = {{{"data", 2}, {"filters", 2}, {"rows", 2}}},
            .global_batch = 8,
            .batch_axis = 0,
            .strategies = {"data", "filter", "spatial"}};
  const Layout apart = layout_of(small(), plan, 4);
  REQUIRE(node(apart, "conv1").summed_over == std::vector<int>{0, 2});
  REQUIRE(node(apart, "fc").summed_over == std::vector<int>{0});  // whole images behind Flatten
  REQUIRE(node(apart, "norm").apart == std::vector<int>{0});
  REQUIRE(node(apart, "norm").together == std::vector<int>{2});  // rows are always together
  plan.synchronised_statistics = true;
  REQUIRE(node(layout_of(small(), plan, 4), "norm").together == std::vector<int>{0, 2});
  REQUIRE(node(layout_of(small(), plan, 4), "norm").apart.empty());
}
