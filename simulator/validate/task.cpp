#include "simulator/validate/task.h"

#include <array>
#include <cmath>

#include "reference/core/units.h"
#include "simulator/validate/networks/networks.h"

namespace convoy {
namespace {

/// Seconds of a host for one small op, as a developer of MXNet measured them side by side (github.com/apache/mxnet issue 14883,
/// 2019-09-04): MXNet 25.8 us, TensorFlow 2 without graphs 21.7, PyTorch 13.0, and 58.2 for JAX, which as Chainer does it runs
/// Python for every function and its gradient. Executors of graphs (TensorFlow 1, XLA), and programs in C++ or Lua that call
/// kernels in a row, have next to nothing but the driver's launch.
struct KnownFramework {
  const char* word;
  Framework facts;
};
constexpr std::array kFrameworks = {
    KnownFramework{"chainer", {.call_s = 58.2 * us, .update_launches = 1, .copies_outputs = true, .packs_gradients = true}},
    // XLA's compiler fuses operations so that what they make stays in registers (its documentation calls that its most important
    // optimisation).
    KnownFramework{"jax", {.call_s = 0, .fuses = true}},
    KnownFramework{"xla", {.call_s = 0, .fuses = true}},
    KnownFramework{"pytorch", {.call_s = 13.0 * us, .update_launches = 4}},  // of SGD: decay, momentum twice, weights
    KnownFramework{"torchgpipe", {.call_s = 13.0 * us, .update_launches = 4}},
    // MXNet's engine waits for the stream after every bulk of operators (github.com/apache/mxnet issue 18951), which are 15 at
    // most in training (MXNET_EXEC_BULK_EXEC_MAX_NODE_TRAIN).
    KnownFramework{"ngc", {.call_s = 13.0 * us, .update_launches = 1}},        // NVIDIA's containers: larger bulks
    KnownFramework{"mxnet 20.", {.call_s = 13.0 * us, .update_launches = 1}},  // the same, by their versions
    KnownFramework{"mxnet", {.call_s = 25.8 * us, .update_launches = 1, .segment = 15}},
    KnownFramework{"tensorflow", {.call_s = 0, .update_launches = 1}},
    KnownFramework{"caffe", {.call_s = 0, .update_launches = 1}},
};

void choose_parts(MeasuredTask& task, const std::string& strategy, int per_node) {
  const auto says = [&](std::string_view word) { return contains_word(strategy, word); };
  if (says("pipeline")) {
    task.strategy = says("replicated") ? Strategy::replicated_stage : Strategy::pipeline;
  } else if (says("model_parallel_layers")) {
    task.strategy = Strategy::layers;
  } else if (says("ps_cpu") || (says("parameter_server") && task.nodes == 1)) {
    task.strategy = Strategy::servers;
  } else if (says("conv_mp_fc") || says("split_class")) {
    if (task.classes == 0) task.plan = "one_weird_trick";
    task.split_classes = task.classes > 0;
    if (says("sampled")) task.sampled = 0.1;
  } else if (says("intra_node") && (says("filter") || says("spatial") || says("channel"))) {
    task.plan = "hybrid";
    task.inner = per_node;
    task.inside = says("filter") ? "filter" : says("channel") ? "channel" : "spatial";
  } else if (says("model_parallel_filter")) {
    task.plan = "filter";
  } else if (says("model_parallel_channel")) {
    task.plan = "channel";
  } else if (says("spatial")) {
    task.plan = "spatial";
  } else if (strategy == "single_gpu" || says("single") || says("data_parallel") || says("parameter_server") || says("ddp")) {
    // Servers on every node: a NIC carries what it carries in a ring, 2 (n-1)/n of the gradients.
    task.plan = "data";
  } else {
    throw NotDone(strategy.empty() ? std::string("strategy not stated") : cat("strategy ", strategy));
  }
}

/// The number before "_classes" in a case's name: "insightface_v100_r50_125000_classes".
double classes_in(const std::string& case_id) {
  const std::size_t at = case_id.find("_classes");
  if (at == std::string::npos) return 0;
  std::size_t from = at;
  while (from > 0 && case_id[from - 1] >= '0' && case_id[from - 1] <= '9') --from;
  return parse_number(std::string_view(case_id).substr(from, at - from)).value_or(0);
}

int count_in(const CsvTable& table, std::size_t row, std::string_view column, int otherwise) {
  const double value = table.number(row, column).value_or(otherwise);
  if (!(std::abs(value) <= 1e8)) throw NotDone(cat(column, " is ", value));
  return static_cast<int>(value);
}

/// Nodes that the row states; else as many as its GPUs, or the machine's, fill.
int nodes_in(const CsvTable& table, std::size_t row, int ranks, int devices_per_node) {
  const int nodes = count_in(table, row, "nodes", 0);
  if (nodes > 0) return nodes;
  const int per_node = count_in(table, row, "gpus_per_node", std::max(1, devices_per_node));
  return (ranks + per_node - 1) / std::max(1, per_node);
}

void read_batch(MeasuredTask& task, const CsvTable& table, std::size_t row) {
  const auto each = table.number(row, "batch_per_gpu");
  const auto all = table.number(row, "global_batch");
  const double batch = all.value_or(each.value_or(0) * task.ranks);
  if (!(batch >= 0) || batch > 1e8) throw NotDone(cat("a batch of ", batch));
  task.global_batch = static_cast<int>(batch);
}

/// TensorFlow since 1.15 turns a network as a whole to NHWC where half or more of its convolutions are in half precision and the
/// GPU has tensor cores, whatever the script says (tensorflow/core/grappler/optimizers/generic_layout_optimizer.cc; XLA the
/// same).
bool turns_network_round(const std::string& framework) {
  const std::string text = lower_case(framework);
  const std::size_t at = text.find("tensorflow ");
  if (at == std::string::npos) return false;
  const std::string version = text.substr(at + 11, 4);
  return version == "1.15" || version.starts_with("2.") || version.starts_with("20.");
}

}  // namespace

Framework framework_of(const std::string& words) {
  const std::string text = lower_case(words);
  for (const KnownFramework& known : kFrameworks)
    if (contains_word(text, known.word)) return known.facts;
  return {};
}

int cudnn_version(const std::string& words) {
  const std::string text = lower_case(words);
  std::size_t at = text.find("cudnn");
  if (at == std::string::npos) return 0;
  at = text.find_first_not_of("cudn [(rv", at);
  if (at == std::string::npos || std::isdigit(static_cast<unsigned char>(text[at])) == 0) return 0;
  return text[at] - '0';
}

MeasuredTask read_task(const CsvTable& table, std::size_t row, const Hardware& hardware) {
  MeasuredTask task;
  const std::string& model = table.text(row, "model");
  const auto network = network_name(model);
  if (!network) throw NotDone(cat("the network ", model, " is not known"));
  task.network = *network;
  task.image_px = count_in(table, row, "image_px", 0);
  task.ranks = needed_count(table, row, "gpus");
  task.nodes = nodes_in(table, row, task.ranks, hardware.wiring.devices_per_node);
  if (task.ranks < 1 || task.ranks > 100000 || task.nodes < 1 || task.ranks % task.nodes != 0)
    throw NotDone(cat(task.ranks, " GPUs on ", task.nodes, " nodes: not as many on each"));
  read_batch(task, table, row);
  task.precision = precision_of(table.text(row, "precision"), *hardware.gpu);
  task.framework = table.text(row, "framework");
  task.variant = table.text(row, "variant");
  // NVIDIA's published results and MLPerf's entries store images as NHWC for half precision, and TensorFlow does, see above.
  // Elsewhere the default of the scripts holds, NCHW: that of tf_cnn_benchmarks (--data_format) and of PyTorch (--memory-format
  // of NVIDIA's own script too). In single precision TensorFlow turns networks to NCHW, tf32 or not, until 2022 (its pull request
  // 55761).
  const std::string source = table.text(row, "source_id");
  const bool half = task.precision == "fp16" || task.precision == "bf16" || task.precision == "amp";
  const bool stored_last = source.starts_with("dle") || source.starts_with("mlperf");
  task.channels_first = !(half && (stored_last || turns_network_round(task.framework)));
  task.classes = classes_in(table.text(row, "case_id"));
  task.stages = count_in(table, row, "stages", task.ranks);
  task.micro_batches = count_in(table, row, "micro_batches", 0);
  std::string strategy = lower_case(table.text(row, "strategy"));
  if (strategy.empty()) strategy = task.ranks == 1 ? "single_gpu" : lower_case(table.text(row, "family"));
  task.recompute = contains_word(strategy, "gpipe") && !contains_word(lower_case(table.text(row, "recompute")), "never");
  choose_parts(task, strategy, task.ranks / task.nodes);
  return task;
}

}  // namespace convoy
