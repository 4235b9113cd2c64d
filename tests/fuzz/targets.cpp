#include "tests/fuzz/targets.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>

#include "reference/core/error.h"
#include "reference/data/cifar10.h"
#include "reference/data/idx.h"
#include "reference/data/picture.h"
#include "reference/io/csv.h"
#include "reference/io/layer_times.h"
#include "reference/io/onnx/to_model.h"
#include "reference/io/plan_file.h"
#include "reference/io/profile.h"
#include "reference/io/report.h"
#include "reference/io/timeline_file.h"
#include "reference/io/weights_file.h"
#include "reference/model/zoo.h"
#include "reference/plans/plan.h"
#include "reference/schedule/ideal.h"
#include "reference/train/checkpoint.h"
#include "simulator/calibrate/bench_log.h"
#include "simulator/calibrate/fit.h"
#include "simulator/cost/cost.h"
#include "simulator/platform/cluster.h"
#include "simulator/platform/embedded_clusters.h"
#include "tests/data/picture_files.h"
#include "tests/io/onnx_bytes.h"

namespace convoy::fuzz {
namespace {

/// For readers that want a path: the bytes as a file of this process, in memory where the system has a place for that.
const std::filesystem::path& folder() {
  static const std::filesystem::path path = [] {
    const std::filesystem::path memory = "/dev/shm";
    const auto base = std::filesystem::exists(memory) ? memory : std::filesystem::temp_directory_path();
    std::string name = (base / "convoy-fuzz-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make a folder in " + base.string());
    return std::filesystem::path(name);
  }();
  return path;
}
std::string as_file(const std::string& bytes, const std::string& name = kFileName) {
  const std::string path = (folder() / name).string();
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
  return path;
}

void make_sense(bool condition, const char* sentence) {
  if (!condition) throw std::logic_error(sentence);
}

// --- YAML ---

std::vector<std::string> clusters() {
  std::vector<std::string> files;
  for (const EmbeddedCluster& cluster : embedded_clusters()) files.emplace_back(cluster.yaml);
  return files;
}
void read_cluster(const std::string& bytes) {
  const Cluster cluster = parse_cluster(bytes, kFileName);
  make_sense(cluster.world_size() >= 1, "a cluster without devices");
  make_sense(parse_cluster(to_yaml(cluster), kFileName) == cluster, "what is written is read as another cluster");
}

std::vector<std::string> plans() {
  std::vector<std::string> files;
  for (const NamedPlan& plan : named_plans()) files.push_back(to_yaml(plan.make({.ranks = 4, .global_batch = 8})));
  return files;
}
void read_plan(const std::string& bytes) {
  const Plan plan = parse_plan(bytes, kFileName);
  make_sense(parse_plan(to_yaml(plan), kFileName) == plan, "what is written is read as another plan");
}

// --- JSON ---

std::vector<std::string> profiles() {
  Profile profile{.model = "lenet5", .data = "synthetic"};
  profile.entries.push_back({});
  profile.transport = TransportProfile{.name = "threads", .latency_s = 1e-6, .bandwidth_bytes_per_s = 1e9};
  return {to_json(profile)};
}
void read_profile(const std::string& bytes) { parse_profile(bytes, kFileName); }

std::vector<std::string> reports() {
  RunReport report{.command = "convoy train", .data = "synthetic", .transport = "threads", .collectives = "ours"};
  report.set_times({}, "steady");
  return {to_json(report)};
}
void read_report(const std::string& bytes) { parse_run_report(bytes, kFileName); }

std::vector<std::string> timelines() {
  const Model model = make_lenet5();
  const Schedule schedule = make_schedule(model, make_plan("data", {.ranks = 2, .global_batch = 4}));
  const CostModel cost{.compute_s = [](const Program&, const Op&, const Compute&) { return 1e-3; }, .receive_s = {}};
  const Timeline timeline = ideal(schedule, 1, cost, [](int, int) { return LinkModel{1e-6, 1e9}; });
  return {to_json(summarise(schedule, timeline))};
}
void read_timeline(const std::string& bytes) { parse_timeline(bytes, kFileName); }

// --- tables ---

std::vector<std::string> layer_times() {
  return {"layer,pass,batch,time_ms\nconv1,forward,32,0.81\nconv1,backward,32,1.44\n\"fc1\",forward,32,2.05\n"};
}
void read_layer_times(const std::string& bytes) {
  const LayerTimes times = parse_layer_times(bytes, kFileName);
  const CostModel rest{.compute_s = [](const Program&, const Op&, const Compute&) { return 0.0; }, .receive_s = {}};
  from_layer_times(times, make_lenet5(), rest);
}

std::vector<std::string> logs() {
  std::string nccl =
      "# nThread 1 nGpus 8\n#   Rank  0 Pid 12 on node device 0 [0x1b] V100\n"
      "#       size         count    type   redop     time   algbw   busbw  error\n"
      "#        (B)    (elements)                     (us)  (GB/s)  (GB/s)\n";
  std::string osu = "# OSU MPI Allreduce Latency Test v5.3\n# Size       Avg Latency(us)\n";
  for (const int power : {10, 12, 14, 16, 18}) {
    const double bytes = 1 << power;
    nccl +=
        cat("  ", bytes, "  ", bytes / 4, "  float  sum  ", 20 + bytes / 1000, "  ", bytes / (20e3 + bytes), "  0.00  1e-7\n");
    osu += cat(bytes, "  ", 20 + bytes / 1000, "\n");
  }
  return {nccl, osu};
}
void read_log(const std::string& bytes) {
  const BenchLog log = parse_bench_log(bytes, kFileName);
  double before = 0;
  for (const BenchPoint& point : log.points) {
    make_sense(point.time_s > 0 && point.bytes > before, "a point without time, or out of order");
    before = point.bytes;
  }
  const Fit fit = fit_times(log);
  make_sense(!fit.ranges.empty() && fit.rms >= 0, "a fit without ranges");
}

// --- binary ---

std::vector<std::string> weights() {
  const Model model = make_lenet5();
  const std::string path = (folder() / "good").string();
  write_weights_file(path, model, initial_values(model, 1));
  std::ifstream file(path, std::ios::binary);
  return {{std::istreambuf_iterator<char>(file), {}}};
}
void read_weights(const std::string& bytes) {
  const Model model = make_lenet5();
  const ModelValues values = read_weights_file(as_file(bytes), model);
  make_sense(std::ssize(values.weights) == parameter_count(model), "another number of weights than the network has");
}

/// With the checksum that belongs to what is in it: else it would refuse all that is changed before anything else is looked at.
std::string with_checksum(std::string bytes) {
  constexpr std::string_view key = "\"checksum\":\"";
  constexpr std::size_t digits = 16;
  const std::size_t at = bytes.find(key) + key.size();
  if (bytes.find(key) == std::string::npos || at + digits > bytes.size()) return bytes;
  bytes.replace(at, digits, digits, '0');
  std::uint64_t state = 0xcbf29ce484222325ULL;  // 64 bits of FNV-1a
  for (const char byte : bytes) state = (state ^ static_cast<unsigned char>(byte)) * 0x100000001b3ULL;
  for (std::size_t i = 0; i < digits; ++i) bytes[at + i] = "0123456789abcdef"[(state >> (60 - 4 * i)) & 15U];
  return bytes;
}

std::vector<std::string> checkpoints() {
  const Model model = make_lenet5();
  Checkpoint checkpoint{.values = initial_values(model, 1), .momentum = {}, .epoch = 1, .step = 9, .step_in_epoch = 2};
  checkpoint.momentum.resize(checkpoint.values.weights.size(), 0.25);
  checkpoint.compression_errors.assign(2, checkpoint.momentum);
  checkpoint.epochs.resize(1);
  checkpoint.totals.resize(2);
  checkpoint.settings = {{"--model", "lenet5"}, {"--seed", "1"}};
  const std::string path = (folder() / "good-checkpoint").string();
  write_checkpoint(path, model, checkpoint, {.class_names = {"cat", "dog"}}, DType::f32);
  std::string text;
  std::ifstream file(path, std::ios::binary);
  text.assign(std::istreambuf_iterator<char>(file), {});
  return {text};
}
void read_one_checkpoint(const std::string& bytes) {
  const Model model = make_lenet5();
  // The checksum would refuse all that is changed: a file that is read has the right one.
  const Checkpoint checkpoint = parse_checkpoint(bytes_of(with_checksum(bytes)), kFileName, model);
  make_sense(std::ssize(checkpoint.momentum) == parameter_count(model), "another number of momenta than the network has weights");
  for (const std::vector<double>& error : checkpoint.compression_errors)
    make_sense(error.size() == checkpoint.momentum.size(), "another number of errors than the network has weights");
  make_sense(checkpoint.step_in_epoch <= checkpoint.step && checkpoint.step_in_epoch >= 0, "steps that do not fit together");
}
void read_any_safetensors(const std::string& bytes) {
  const SafeTensors file = parse_safetensors(bytes_of(bytes), kFileName);
  for (const auto& [name, tensor] : file.tensors)
    if (tensor.dtype == "F32" || tensor.dtype == "F64") (void)values_of(tensor, name, kFileName);
  (void)input_facts(file.metadata);
}

std::vector<std::string> records() {
  std::string two;
  for (const int label : {3, 9}) {
    two += static_cast<char>(label);
    for (int i = 0; i < 3 * 32 * 32; ++i) two += static_cast<char>(i * 7 + label);
  }
  return {two, two.substr(0, two.size() / 2)};
}
void read_records(const std::string& bytes) {
  Dataset data{.name = kFileName, .image = {1, 3, 32, 32}, .classes = 10, .pixels = {}, .labels = {}};
  parse_cifar10(bytes_of(bytes), kFileName, data);
  make_sense(std::ssize(data.pixels) == data.count() * 3072, "labels without pictures");
  for (const int label : data.labels) make_sense(label >= 0 && label < 10, "a label that is no class");
}

std::vector<unsigned char> shades(std::size_t count) {
  std::vector<unsigned char> bytes(count);
  for (std::size_t i = 0; i < count; ++i) bytes[i] = static_cast<unsigned char>(i * 37 + i / 11);
  return bytes;
}
std::vector<std::string> jpegs() {
  return {jpeg_file(shades(24 * 20 * 3), 24, 20, 3), jpeg_file(shades(9 * 17), 9, 17, 1),
          jpeg_file(shades(16 * 16 * 4), 16, 16, 4)};
}
std::vector<std::string> pngs() {
  return {png_file(shades(12 * 10 * 3), 12, 10, PNG_FORMAT_RGB), png_file(shades(7 * 5), 7, 5, PNG_FORMAT_GRAY),
          png_file(shades(6 * 6 * 4), 6, 6, PNG_FORMAT_RGBA)};
}
/// As colour and as grey, decoded whole and shrunk.
void read_picture(const std::string& bytes) {
  for (const auto& [channels, side] : {std::pair{3, 8}, std::pair{1, 64}}) {
    Picture picture;
    parse_picture(bytes_of(bytes), kFileName, channels, side, picture);
    make_sense(std::ssize(picture.pixels) == picture.shape.sample_count() && picture.shape.c == channels,
               "another number of pixels than the picture has");
    if (picture.shape.sample_count() > 1'000'000 || std::max(picture.shape.h, picture.shape.w) > 100 * side) continue;
    resize_shorter_side(picture, side);
    make_sense(std::min(picture.shape.h, picture.shape.w) == side, "resized to another size");
  }
}

// --- text ---

std::vector<std::string> tables() {
  return {"name,time_s,note\nconv1,0.25,\"with, comma\"\nfc,1e-3,\"two\nlines\"\n", "a;b\r\n1;2\r\n", "x\n\n1\n"};
}
void read_table(const std::string& bytes) {
  const CsvTable table = parse_csv(bytes, kFileName);
  for (std::size_t row = 0; row < table.rows.size(); ++row) {
    make_sense(table.rows[row].size() <= table.columns.size(), "a row with more cells than there are columns");
    for (const std::string& column : table.columns)
      if (const auto value = parse_number(table.text(row, column)))  // other text is refused, as it should be
        make_sense(table.number(row, column) == value, "two opinions of one number");
  }
}

std::string big_endian(std::uint32_t value) {
  std::string text;
  for (const unsigned shift : {24U, 16U, 8U, 0U}) text += static_cast<char>((value >> shift) & 0xffU);
  return text;
}
std::string zipped(const std::string& bytes) {
  const std::string path = (folder() / "good.gz").string();
  gzFile file = gzopen(path.c_str(), "wb");
  gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size()));
  gzclose(file);
  std::ifstream back(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(back), {}};
}
std::vector<std::string> images() {
  std::string pixels;
  for (int i = 0; i < 3 * 5 * 4; ++i) pixels += static_cast<char>(i * 7);
  const std::string plain = big_endian(0x803) + big_endian(3) + big_endian(5) + big_endian(4) + pixels;
  return {plain, zipped(plain)};
}
/// As images; the labels beside them are good.
void read_images(const std::string& bytes) {
  const std::string labels = as_file(big_endian(0x801) + big_endian(3) + std::string("\1\2\3"), "labels");
  const Dataset data = read_idx_pair(as_file(bytes), labels, "fuzzed", 10);
  make_sense(data.labels.size() == 3, "images without labels");
}
std::vector<std::string> labels() { return {big_endian(0x801) + big_endian(3) + std::string("\1\2\3")}; }
void read_labels(const std::string& bytes) {
  const std::string beside = as_file(images().front(), "images");
  read_idx_pair(beside, as_file(bytes), "fuzzed", 10);
}

std::vector<std::string> onnx_files() { return {onnx_bytes::small_network()}; }
void read_onnx_file(const std::string& bytes) {
  if (!can_read_onnx()) return;  // the reader is not in this build
  const ReadModel read = to_model(read_onnx_graph(std::as_bytes(std::span(bytes)), kFileName), kFileName);
  make_sense(std::ssize(read.values.weights) == parameter_count(read.model), "another number of weights than the network has");
}

constexpr std::array kTargets = {
    Target{"cluster_yaml", clusters, read_cluster, true},
    Target{"plan_yaml", plans, read_plan, true},
    Target{"profile_json", profiles, read_profile},
    Target{"report_json", reports, read_report},
    Target{"timeline_json", timelines, read_timeline},
    Target{"layer_times_csv", layer_times, read_layer_times, true},
    Target{"weights", weights, read_weights},
    Target{"safetensors", weights, read_any_safetensors},
    Target{"checkpoint", checkpoints, read_one_checkpoint},
    Target{"cifar10", records, read_records},
    Target{"jpeg", jpegs, read_picture},
    Target{"png", pngs, read_picture},
    Target{"csv", tables, read_table},
    Target{"bench_log", logs, read_log, true},
    Target{"idx_images", images, read_images},
    Target{"idx_labels", labels, read_labels},
    Target{"onnx", onnx_files, read_onnx_file},
};

}  // namespace

std::span<const Target> targets() { return kTargets; }

}  // namespace convoy::fuzz
