#include "reference/io/plan_file.h"

#include <algorithm>
#include <cctype>
#include <limits>

#include "reference/core/error.h"
#include "reference/core/units.h"
#include "reference/io/pipeline_words.h"
#include "reference/io/yaml_map.h"
#include "reference/plans/stages.h"

namespace convoy {
namespace {

constexpr int kMostRanks = 1 << 20;
constexpr const char* kMeshExample = "[{axis: data, ranks: 4, strategy: data}]";
const std::vector<std::string> kKeys = {"name",      "mesh",       "batch",      "batch_axis", "overrides",      "dtype",
                                        "gradients", "precision",  "statistics", "at_root",    "scheme",         "overlap",
                                        "bucket",    "all_reduce", "chunks",     "channels",   "ranks_per_node", "fusion",
                                        "layout",    "accumulate", "optimiser",  "servers",    "zero",           "compress",
                                        "local_sgd", "pipeline"};
const std::vector<std::string> kPrecisions = {"fp32", "tf32", "fp16", "bf16", "fp64"};

/// Throws the InputError of throw_unknown_word unless the word is known.
std::string one_of(std::string_view what, const std::string& word, const std::vector<std::string>& known) {
  if (std::find(known.begin(), known.end(), word) == known.end()) throw_unknown_word(what, word, known);
  return word;
}

/// A word that can stand in the text form of a schedule.
std::string name_word(const std::string& word) {
  const bool plain = std::all_of(word.begin(), word.end(),
                                 [](unsigned char c) { return std::isalnum(c) != 0 || c == '_' || c == '-' || c == '.'; });
  if (!plain) throw InputError(cat("'", word, "' is no name; use letters, digits, '_', '-' and '.'"));
  return word;
}

bool on_off(const YamlMap& map, const std::string& key) {
  return map.parsed(key, "on", [](const std::string& word) { return one_of("switch", word, {"on", "off"}) == "on"; });
}

std::vector<std::string> axis_names(const Plan& plan) {
  std::vector<std::string> names;
  for (const Axis& axis : plan.mesh.axes) names.push_back(axis.name);
  return names;
}

std::string strategy_word(const std::string& word) {
  if (named_plan(word).rules == nullptr)
    throw InputError(cat("'", word, "' combines other plans; write the plan of this axis, for example data or filter"));
  return word;
}

void parse_mesh(const YamlMap& root, Plan& plan) {
  plan.mesh.axes.clear();
  plan.strategies.clear();
  std::int64_t ranks = 1;
  for (const YamlMap& axis : root.maps("mesh", {"axis", "ranks", "strategy"}, kMeshExample)) {
    const std::vector<std::string> before = axis_names(plan);
    const std::string name = axis.parsed("axis", "data", [&](const std::string& word) {
      if (word == "none" || std::find(before.begin(), before.end(), word) != before.end())
        throw InputError(cat("'", word, word == "none" ? "' cannot be the name of an axis" : "' is the name of two axes",
                             "; give it another name"));
      return name_word(word);
    });
    plan.mesh.axes.push_back({name, axis.count("ranks", kMostRanks)});
    plan.strategies.push_back(axis.parsed("strategy", "data", strategy_word));
    ranks *= plan.mesh.axes.back().extent;
    if (ranks > kMostRanks)
      axis.fail("ranks", cat("the mesh has ", ranks, " ranks up to this axis, expected ", kMostRanks, " or fewer in all"));
  }
}

void parse_batch(const YamlMap& root, Plan& plan) {
  plan.global_batch = root.count("batch", std::numeric_limits<int>::max());
  std::vector<std::string> known = axis_names(plan);
  known.emplace_back("none");
  plan.batch_axis = root.parsed("batch_axis", plan.mesh.axes.front().name, [&](const std::string& word) {
    const auto axis = std::find(known.begin(), known.end(), one_of("axis", word, known)) - known.begin();
    return word == "none" ? -1 : static_cast<int>(axis);
  });
}

void parse_overrides(const YamlMap& root, Plan& plan) {
  if (!root.has("overrides")) return;
  const YamlMap nodes = root.map_of_any("overrides", cat("{fc1: {", plan.mesh.axes.front().name, ": replicate}}"));
  for (const std::string& node : nodes.present_keys()) {
    const YamlMap rules = nodes.map(node, axis_names(plan), cat("{", plan.mesh.axes.front().name, ": replicate}"));
    for (const std::string& axis : rules.present_keys())
      plan.overrides[node][axis] = rules.parsed(axis, "replicate", [](const std::string& word) { return parse_rule(word); });
  }
}

void parse_types(const YamlMap& root, Plan& plan) {
  if (root.has("dtype")) plan.dtype = root.parsed("dtype", "f32", [](const std::string& word) { return parse_dtype(word); });
  if (root.has("precision"))
    plan.precision =
        root.parsed("precision", "fp32", [](const std::string& word) { return one_of("precision", word, kPrecisions); });
  if (!root.has("gradients")) return;
  const DType type = root.parsed("gradients", "f16", [&](const std::string& word) {
    const DType read = parse_dtype(word);
    if (read != plan.dtype && size_bytes(read) != 2)
      throw InputError(cat("gradients are summed in f16, in bf16 or as they are, ", to_string(plan.dtype), ", not in ", word));
    return read;
  });
  if (type != plan.dtype) plan.gradient_dtype = type;
}

void parse_synchronisation(const YamlMap& root, Plan& plan) {
  if (root.has("statistics")) plan.synchronised_statistics = root.parsed("statistics", "local", parse_statistics);
  if (root.has("scheme"))
    plan.scheme = root.parsed("scheme", "a", [](const std::string& word) { return parse_exchange_scheme(word); });
  if (root.has("overlap")) plan.overlap = on_off(root, "overlap");
  if (root.has("bucket"))
    plan.bucket_bytes = root.parsed("bucket", "25MiB", [](const std::string& word) {
      const std::int64_t bytes = parse_bytes(word);
      if (bytes < 1) throw InputError(cat("a bucket has ", bytes, " bytes, expected 1 or more"));
      return bytes;
    });
  if (root.has("all_reduce"))
    plan.all_reduce = root.parsed("all_reduce", "ring", [](const std::string& word) {
      return word == kAutomatic ? word : std::string(collective_algorithm(CollectiveKind::all_reduce, word).name);
    });
  if (root.has("chunks")) plan.chunks = root.count("chunks");
  if (root.has("channels")) plan.channels = root.count("channels", kMostPlanChannels);
  if (root.has("ranks_per_node")) plan.ranks_per_node = root.count("ranks_per_node", kMostRanks);
  for (const char* key : {"chunks", "channels"})
    if (plan.all_reduce == kAutomatic && root.has(key) && root.count(key) != 1)
      root.fail(key, cat("all_reduce: auto chooses ", key, " too; leave the line out, or name an algorithm"));
  if (root.has("accumulate")) plan.accumulate = root.count("accumulate");
  if (root.has("optimiser"))
    plan.optimiser = root.parsed("optimiser", "sgd", [](const std::string& word) { return parse_optimiser(word); });
}

void parse_kernels(const YamlMap& root, Plan& plan) {
  if (root.has("fusion")) plan.fusion = root.parsed("fusion", "auto", [](const std::string& word) { return parse_fusion(word); });
  if (root.has("layout"))
    plan.layout = root.parsed("layout", "auto", [](const std::string& word) { return parse_activation_layout(word); });
}

void parse_servers(const YamlMap& root, Plan& plan) {
  const bool strategy = std::ranges::find(plan.strategies, "parameter_server") != plan.strategies.end();
  if (!root.has("servers")) {
    if (strategy)
      root.fail("mesh", "the strategy parameter_server needs servers; add servers: {count: 1, on: workers, mode: sync}");
    return;
  }
  const YamlMap map = root.map("servers", {"count", "on", "mode", "accept", "bound"}, "{count: 1, on: workers, mode: sync}");
  PlanServers servers{.count = map.count("count", kMostRanks)};
  if (map.has("on"))
    servers = map.parsed("on", "workers", [&](const std::string& word) { return placed(servers, word); });
  if (map.has("mode"))
    servers.mode = map.parsed("mode", "sync", [](const std::string& word) { return std::string(serve_mode(word).name); });
  if (map.has("accept")) servers.accept = map.count("accept", kMostRanks);
  if (map.has("bound")) servers.bound = static_cast<int>(map.number("bound", 0, 1e6));
  if (!strategy || plan.mesh.axes.size() != 1)
    root.fail("servers", "servers go with a mesh of one axis, [{axis: data, ranks: 4, strategy: parameter_server}]");
  try {  // the same rules as those of the options
    plan.servers = make_plan("parameter_server", {.ranks = plan.mesh.world_size(), .servers = servers}).servers;
  } catch (const InputError& error) {
    root.fail("servers", error.what());
  }
}

/// What is not said stays as it is in a Pipeline.
void parse_pipeline(const YamlMap& root, Plan& plan) {
  if (!root.has("pipeline")) return;
  if (pipeline_axis(plan) < 0)
    root.fail("pipeline",
              "pipeline: settings of a pipeline, and no axis of the mesh has strategy: pipeline; give one that strategy, "
              "or take the settings away");
  const YamlMap map = root.map("pipeline", {"micro_batches", "order", "table", "stages_per_rank", "cuts", "recompute"},
                               "{micro_batches: 8, order: 1f1b}");
  Pipeline& pipeline = plan.pipeline;
  if (map.has("micro_batches")) pipeline.micro_batches = map.count("micro_batches");
  if (map.has("stages_per_rank")) pipeline.stages_per_rank = map.count("stages_per_rank");
  if (map.has("order"))
    pipeline.order = map.parsed("order", "1f1b", [](const std::string& word) {
      return word == kOwnOrder ? word : std::string(pipeline_order(word).name);
    });
  if ((pipeline.order == kOwnOrder) != map.has("table"))
    map.fail("table", "pipeline.order: own goes with a table, a text for each rank: table: [F0 F1 B0 B1, F0 B0 F1 B1]");
  if (map.has("table")) pipeline.table = map.texts("table", "[F0 F1 B0 B1, F0 B0 F1 B1]");
  if (map.has("cuts")) pipeline.cuts = map.texts("cuts", "[conv2, fc1]");
  if (map.has("recompute"))
    for (const std::string& word : map.texts("recompute", "[0, 1]")) try {
        pipeline.recompute.push_back(parse_stage(word));
      } catch (const InputError& error) {
        map.fail("recompute", cat("pipeline.recompute: ", error.what()));
      }
}

/// At the root, every axis has the strategy that belongs to it.
void parse_root(const YamlMap& root, Plan& plan) {
  if (root.has("at_root")) plan.at_root = on_off(root, "at_root");
  if (!plan.at_root) return;
  if (plan.batch_axis != -1)
    root.fail("at_root", "at_root: on has all images at rank 0, so no axis divides them first; write batch_axis: none");
  for (const std::string& strategy : plan.strategies)
    if (strategy != "data_parallel_root")
      root.fail("at_root", cat("at_root: on goes with strategy: data_parallel_root on every axis, not with '", strategy,
                               "'; change one of them"));
}

}  // namespace

Plan parse_plan(const std::string& yaml, const std::string& file_name) {
  const YamlMap root = parse_yaml_map(yaml, file_name, kKeys);
  Plan plan;
  plan.name = root.parsed("name", "my-plan", name_word);
  parse_mesh(root, plan);
  parse_batch(root, plan);
  parse_overrides(root, plan);
  parse_types(root, plan);
  parse_synchronisation(root, plan);
  parse_kernels(root, plan);
  parse_pipeline(root, plan);
  parse_root(root, plan);
  parse_servers(root, plan);
  if (root.has("compress")) {
    const YamlMap map = root.map("compress", {"method", "keep"}, "{method: top_k, keep: 0.01}");
    plan.compression.method = map.parsed("method", "top_k", compression_method);
    if (map.has("keep")) plan.compression.keep = map.number("keep", 1e-9, 1);
  }
  if (root.has("zero")) plan.zero = root.count("zero", 3);
  if (root.has("local_sgd")) {
    const YamlMap map = root.map("local_sgd", {"steps", "momentum"}, "{steps: 8, momentum: average}");
    plan.local.steps = map.count("steps", kMostLocalSteps);
    if (map.has("momentum"))
      plan.local.momentum = map.parsed("momentum", "average", [](const std::string& word) { return parse_local_momentum(word); });
  }
  return plan;
}

}  // namespace convoy
