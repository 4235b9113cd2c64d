#include <cmath>
#include <map>
#include <tuple>

#include "reference/core/units.h"
#include "reference/model/zoo.h"
#include "reference/plans/plan.h"
#include "simulator/cost/kernels.h"
#include "simulator/cost/representative.h"
#include "simulator/validate/cells.h"
#include "simulator/validate/validation.h"

namespace convoy {
namespace {

constexpr double kImageNet = 1281167;  ///< images of one epoch

/// What a row asks for.
struct Task {
  std::string network;  ///< of our zoo
  std::string plan;     ///< of ours; "parameter server" for servers
  int ranks = 1;
  int nodes = 1;
  int global_batch = 1;
  std::string precision;
  std::string framework;
  std::string variant;
  bool channels_first = true;  ///< images are NCHW
  int inner = 0;               ///< ranks of the inner axis of a hybrid
  std::string inside;
  friend auto operator<=>(const Task&, const Task&) = default;
};

std::string letters_of(const std::string& text) {
  std::string letters;
  for (const char c : lower_case(text))
    if (std::isalnum(static_cast<unsigned char>(c)) != 0) letters += c;
  return letters;
}

/// The zoo's name for a network; ResNets are those of torchvision (v1.5), whose stride stands in the 3x3.
std::string network_of(const std::string& model) {
  static const std::map<std::string, std::string> kOthers = {
      {"resnet50v15", "resnet50"},     {"alexnetoneweirdtrickvariant", "alexnet"},
      {"vgga11layers", "vgg11"},       {"inceptionv1", "googlenet"},
      {"inceptionv3", "inception_v3"}, {"squeezenet11", "squeezenet1_1"},
      {"mobilenetv1", "mobilenet_v1"}, {"resnext5032x4d", "resnext50"}};
  const std::string letters = letters_of(model);
  const auto other = kOthers.find(letters);
  const std::string name = other == kOthers.end() ? letters : other->second;
  for (const ZooEntry& entry : zoo())
    if (entry.name == name) return name;
  throw NotDone(cat("the network ", model, " is not in the zoo"));
}

void choose_plan(Task& task, const std::string& strategy, int per_node) {
  if (strategy == "single_gpu" || strategy.starts_with("data_parallel_allreduce") ||
      strategy == "data_parallel_gpu_aggregation") {
    task.plan = "data";
  } else if (strategy == "data_parallel_ps_dist") {
    task.plan =
        "data";  // every node holds a part of the servers: a NIC carries what it carries in a ring, 2 (n-1)/n of the gradients
  } else if (strategy == "data_parallel_ps_cpu") {
    task.plan = "parameter server";
  } else if (strategy == "model_parallel_filter") {
    task.plan = "filter";
  } else if (strategy == "model_parallel_channel") {
    task.plan = "channel";
  } else if (strategy == "hybrid_dp_conv_mp_fc") {
    task.plan = "one_weird_trick";
  } else if (strategy.find("filter_intra_node") != std::string::npos ||
             strategy.find("spatial_intra_node") != std::string::npos) {
    task.plan = "hybrid";
    task.inner = per_node;
    task.inside = strategy.find("filter") != std::string::npos ? "filter" : "spatial";
  } else if (strategy.find("pipeline") != std::string::npos) {
    throw NotDone("pipelines are not validated yet");
  } else {
    throw NotDone(cat("strategy ", strategy));
  }
}

Task task_of(const CsvTable& table, std::size_t row, const Gpu& gpu) {
  Task task;
  task.network = network_of(table.text(row, "model"));
  task.ranks = static_cast<int>(needed(table, row, "gpus"));
  const auto nodes = table.number(row, "nodes");
  task.nodes = static_cast<int>(nodes.value_or(1));
  if (task.ranks < 1 || task.nodes < 1 || task.ranks % task.nodes != 0)
    throw NotDone(cat(task.ranks, " GPUs on ", task.nodes, " nodes: not as many on each"));
  const auto each = table.number(row, "batch_per_gpu");
  const auto all = table.number(row, "global_batch");
  if (!each && !all) throw NotDone("batch not stated");
  task.global_batch = static_cast<int>(all.value_or(each.value_or(1) * task.ranks));
  if (task.global_batch < 1) throw NotDone("batch not stated");
  task.precision = precision_of(table.text(row, "precision"), gpu);
  task.framework = table.text(row, "framework");
  task.variant = table.text(row, "variant");
  // NVIDIA's published results and MLPerf's entries store images as NHWC for half precision. Elsewhere the default of the scripts
  // holds, NCHW: that of tf_cnn_benchmarks (--data_format) and of PyTorch (--memory-format of NVIDIA's own script too).
  const std::string source = table.text(row, "source_id");
  task.channels_first = !source.starts_with("dle") && !source.starts_with("mlperf");
  choose_plan(task, table.text(row, "strategy"), task.ranks / task.nodes);
  return task;
}

/// How the framework sends gradients: each as PyTorch's, Horovod's, ChainerMN's or TensorFlow's documentation states it.
void set_framework(Plan& plan, const Task& task) {
  constexpr std::int64_t kMiB = 1024 * 1024;
  const std::string text = lower_case(task.framework + " " + task.variant);
  const auto says = [&](std::string_view word) { return text.find(word) != std::string::npos; };
  if (says("horovod")) plan.bucket_bytes = 64 * kMiB;  // HOROVOD_FUSION_THRESHOLD
  // ChainerMN packs all gradients after the backward pass; "no overlap" is in the words of the row.
  if (says("chainermn") || says("no overlap") || says("bsp-")) {
    plan.overlap = false;
    plan.bucket_bytes = std::int64_t{1} << 40;
  }
  // PyTorch keeps fp32 gradients under amp; MXNet and tf_cnn_benchmarks send fp16 ones.
  const bool half = task.precision == "fp16" || task.precision == "amp";
  if (half && !says("pytorch")) plan.gradient_dtype = DType::f16;
}

Plan plan_of(const Task& task, int ranks, int global_batch) {
  PlanRequest request{.ranks = ranks, .global_batch = global_batch};
  if (task.plan == "hybrid") {
    request.split = task.inner;
    request.inside = task.inside;
  }
  Plan plan = make_plan(task.plan == "parameter server" ? "data" : task.plan, request);
  set_framework(plan, task);
  return plan;
}

struct Setting {
  const Hardware& hardware;
  GpuWiring wiring;
};

StepTime simulate_step(const Model& model, const Plan& plan, const Task& task, const Setting& setting, int nodes) {
  KernelMachine kernels = kernel_machine(setting.hardware.device, *setting.hardware.gpu, task.precision);
  kernels.converts_layout = task.channels_first && kernels.element_bytes < 4;
  const CostModel cost = kernel_costs(model, kernels);
  Machine machine{.wiring = setting.wiring, .ranks_per_node = std::max(1, plan.mesh.world_size() / nodes)};
  machine.usage.trees = task.framework.find("NCCL 2.0") == std::string::npos;
  machine.occupied = occupied_part(setting.wiring, setting.hardware.gpu->sms);
  return representative_step(make_schedule(model, plan), cost, machine, [&](int node) {
    return std::holds_alternative<Conv2d>(model.nodes[static_cast<std::size_t>(node)].layer);
  });
}

/// Variables on the host of one node: every GPU pushes its gradients and pulls the weights over its PCIe lanes, two GPUs to a
/// switch's uplink; the host adds what all of them pushed, three passes over memory at about 40 GB/s for two sockets of DDR4 used
/// by one operation. Pulls hide behind the forward pass and pushes behind the backward pass, as far as they are as long.
void add_servers(StepTime& time, double gradient_bytes, const Task& task, const GpuWiring& wiring) {
  const int sharing = task.ranks > 1 ? 2 : 1;
  const double lanes = pcie_bytes_per_s(wiring.pcie_generation) / sharing;
  const double one_way_s = gradient_bytes / lanes;
  const double adding_s = task.ranks * 3 * gradient_bytes / (40 * GB);
  time.communication_s = 2 * one_way_s + adding_s;
  time.step_s = std::max(time.forward_s, one_way_s) + std::max(time.compute_s - time.forward_s, one_way_s + adding_s);
}

StepTime step_of(const Task& task, const Setting& setting) {
  static std::map<std::tuple<Task, std::string, int>, StepTime> known;  // rows of a case ask for several metrics of one step
  const auto key = std::tuple{task, setting.hardware.id, static_cast<int>(setting.wiring.nic_bytes_per_s / 1e6)};
  const auto found = known.find(key);
  if (found != known.end()) return found->second;
  const Model model = make_model(task.network);
  const bool servers = task.plan == "parameter server";
  const int ranks = servers ? 1 : task.ranks;
  StepTime time =
      simulate_step(model, plan_of(task, ranks, servers ? std::max(1, task.global_batch / task.ranks) : task.global_batch), task,
                    setting, servers ? 1 : task.nodes);
  if (servers) add_servers(time, 4.0 * static_cast<double>(parameter_count(model)), task, setting.wiring);
  known[key] = time;
  return time;
}

/// One device with its share of the batch, for speed-ups and efficiencies.
StepTime alone(Task task, const Setting& setting) {
  task.global_batch = std::max(1, task.global_batch / task.ranks);
  task.ranks = task.nodes = 1;
  task.plan = "data";
  return step_of(task, setting);
}

double epochs_in(const std::string& notes) {
  const std::size_t at = notes.find(" epochs");
  if (at == std::string::npos) throw NotDone("epochs not stated");
  std::size_t from = at;
  while (from > 0 && notes[from - 1] >= '0' && notes[from - 1] <= '9') --from;
  const auto epochs = parse_number(std::string_view(notes).substr(from, at - from));
  if (!epochs) throw NotDone("epochs not stated");
  return *epochs;
}

double metric_of(const std::string& metric, const std::string& unit, const std::string& notes, const Task& task,
                 const Setting& setting) {
  const StepTime time = step_of(task, setting);
  const double images_per_s = task.global_batch / time.step_s;
  const double steps = kImageNet / task.global_batch;
  if (metric == "throughput") return images_per_s;
  if (metric == "step_time") return time.step_s;
  if (metric == "step_time_compute") return time.compute_s;
  if (metric == "step_time_communication") return time.exposed_s();
  if (metric == "step_time_compute_conv_layers") return time.convolution_s;
  if (metric == "epoch_time") return steps * time.step_s;
  if (metric == "epoch_time_compute") return steps * time.compute_s;
  if (metric == "epoch_time_communication") return steps * time.exposed_s();
  if (metric == "forward_time") return time.forward_s;
  if (metric == "backward_time") return time.backward_s;
  if (metric == "forward_backward_time") return time.forward_s + time.backward_s;
  if (metric == "time_for_3_batches") return 3 * time.step_s;
  if (metric == "communication_fraction_of_time") return time.exposed_s() / time.step_s;
  if (metric == "training_time") return epochs_in(notes) * steps * time.step_s / (unit == "h" ? 3600 : 1);
  if (metric == "scaling_efficiency") return alone(task, setting).step_s / time.step_s;
  if (metric == "speedup_vs_1_gpu" || metric == "speedup_vs_1_device")
    return task.ranks * alone(task, setting).step_s / time.step_s;
  throw NotDone(cat("metric ", metric));
}

Prediction predict_row(const CsvTable& table, std::size_t row, const std::map<std::string, Hardware>& all) {
  Prediction prediction;
  const std::string metric = table.text(row, "metric");
  prediction.unit = table.text(row, "unit");
  prediction.measured = needed(table, row, "value");
  const Hardware& hardware = hardware_of(table, row, all);
  if (!hardware.missing.empty() || hardware.gpu == nullptr) throw NotDone(hardware.missing);
  const std::string words = cat(table.text(row, "case_id"), " ", table.text(row, "variant"), " ", table.text(row, "notes"));
  const Task task = task_of(table, row, *hardware.gpu);
  prediction.what = cat(task.network, ", ", task.ranks, task.ranks == 1 ? " GPU" : " GPUs", ", batch ", task.global_batch, ", ",
                        task.precision, ", ", metric);
  const Setting setting{hardware, wiring_of(hardware, words)};
  prediction.predicted = metric_of(metric, prediction.unit, table.text(row, "notes"), task, setting);
  prediction.how = cat("plan ", task.plan, task.inside.empty() ? "" : " ", task.inside);
  return prediction;
}

}  // namespace

std::vector<Prediction> predict_training(const CsvTable& table, const std::map<std::string, Hardware>& hardware) {
  return each_row(table, "training", [&](std::size_t row) { return std::vector{predict_row(table, row, hardware)}; });
}

}  // namespace convoy
