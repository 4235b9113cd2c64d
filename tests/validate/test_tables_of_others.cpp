// Tables as other people would write them: other orders, names and units of columns, other spellings, cells that make no sense.
#include <algorithm>
#include <cmath>

#include "reference/core/error.h"
#include "simulator/validate/columns.h"
#include "simulator/validate/hardware.h"
#include "simulator/validate/networks/networks.h"
#include "simulator/validate/report.h"
#include "tests/catch.h"

using namespace convoy;

namespace {

using Row = std::vector<std::string>;
struct Sheet {
  std::string name;
  Row columns;
  std::vector<Row> rows;
};

const Sheet kMachines{"hardware",
                      {"hardware_id", "gpu", "gpu_peak_fp32_TFLOP_per_s", "gpu_peak_fp16_or_tensor_TFLOP_per_s",
                       "gpu_mem_bw_GB_per_s", "gpu_mem_GB", "gpus_per_node", "intra_node_link",
                       "intra_node_bw_per_gpu_per_direction_GB_per_s", "inter_node_link", "nics_per_node", "nic_Gbit_per_s"},
                      {{"m", "Tesla V100-SXM2-16GB", "15.7", "125", "900", "16", "8", "NVLink 2 hybrid cube mesh", "150",
                        "InfiniBand EDR", "4", "100"}}};
const std::vector<Sheet> kSheets = {
    {"collectives",
     {"case_id", "op", "ranks", "nodes", "ranks_per_node", "size_bytes", "time_us", "algorithm", "library", "buffer", "verified",
      "hardware_id", "source_id", "notes"},
     {{"a", "allreduce", "16", "2", "8", "1048576", "200", "library default", "NCCL 2.8.4", "gpu", "yes", "m", "s", ""},
      {"a", "broadcast", "16", "2", "8", "4096", "40", "", "Open MPI 4.0", "cpu", "yes", "m", "s", ""}}},
    {"network_contention",
     {"case_id", "op", "nodes", "concurrent_jobs", "size_bytes", "time_us", "verified", "hardware_id"},
     {{"c", "allreduce", "4", "3", "1048576", "2000", "yes", "m"}}},
    {"data_parallel",
     {"case_id", "model", "image_px", "strategy", "variant", "gpus", "nodes", "gpus_per_node", "batch_per_gpu", "global_batch",
      "precision", "framework", "metric", "value", "unit", "verified", "hardware_id", "source_id", "notes"},
     {{"t", "ResNet-18", "224", "data_parallel_allreduce", "", "16", "2", "8", "32", "512", "fp32", "PyTorch", "step_time", "90",
       "ms", "yes", "m", "s", ""},
      {"t", "vgg11", "", "pipeline_gpipe", "", "4", "1", "4", "", "64", "fp16", "torchgpipe", "throughput", "900", "images/s",
       "yes", "m", "s", ""}}},
    {"single_gpu_conv_layers",
     {"case_id", "in_w", "in_h", "in_c", "batch", "out_c", "filter_w", "filter_h", "pad_w", "pad_h", "stride_w", "stride_h",
      "forward_ms", "backward_input_ms", "backward_weight_ms", "precision", "verified", "hardware_id"},
     {{"l", "56", "56", "64", "16", "64", "3", "3", "1", "1", "1", "1", "1.0", "2.0", "", "fp32", "yes", "m"}}},
    {"single_gpu_layer_profiles",
     {"case_id", "layer", "forward_ms", "backward_ms", "optimizer_ms", "batch", "output_bytes", "input_elements",
      "output_elements", "precision", "verified", "hardware_id"},
     {{"p", "ReLU(inplace)", "0.7", "0.9", "", "32", "25690112", "", "", "fp32", "yes", "m"},
      {"p", "aten::conv2d", "0.7", "", "", "32", "", "3211264; 36864; 64", "6422528", "fp32", "yes", "m"}}}};

CsvTable table_of(const Sheet& sheet) {
  std::string text;
  const auto line = [&](const Row& cells) {
    for (std::size_t i = 0; i < cells.size(); ++i) {
      text += csv_cell(cells[i]);
      text += i + 1 < cells.size() ? "," : "\n";
    }
  };
  line(sheet.columns);
  for (const Row& row : sheet.rows) line(row);
  return with_known_columns(parse_csv(text, sheet.name + ".csv"));
}

std::vector<Prediction> predictions_of(const Sheet& sheet, const Sheet& machines = kMachines,
                                       Fidelity fidelity = Fidelity::formula) {
  return predict_all({{"hardware", table_of(machines)}, {sheet.name, table_of(sheet)}}, fidelity);
}

std::size_t column_of(const Sheet& sheet, const std::string& name) {
  const auto at = static_cast<std::size_t>(std::find(sheet.columns.begin(), sheet.columns.end(), name) - sheet.columns.begin());
  REQUIRE(at < sheet.columns.size());
  return at;
}

void require_same(const std::vector<Prediction>& got, const std::vector<Prediction>& wanted) {
  REQUIRE(got.size() == wanted.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    INFO(got[i].what << ": " << got[i].how);
    REQUIRE(got[i].predicted.has_value() == wanted[i].predicted.has_value());
    if (wanted[i].predicted) CHECK(std::abs(*got[i].predicted / *wanted[i].predicted - 1) < 1e-9);
    CHECK(std::abs(got[i].measured - wanted[i].measured) <= 1e-9 * std::abs(wanted[i].measured));
  }
}

/// The sheet with a column renamed, and the numbers in it divided.
Sheet renamed(Sheet sheet, const std::string& ours, const std::string& theirs, double divisor = 1) {
  const std::size_t at = column_of(sheet, ours);
  sheet.columns[at] = theirs;
  for (Row& row : sheet.rows)
    if (divisor != 1 && !row[at].empty()) row[at] = cat(std::stod(row[at]) / divisor);
  return sheet;
}

const Sheet& sheet_named(const std::string& name) {
  return *std::find_if(kSheets.begin(), kSheets.end(), [&](const Sheet& sheet) { return sheet.name == name; });
}

}  // namespace

TEST_CASE("validate: every form of table is predicted, whatever the order of its columns and whatever else it has",
          "[validate]") {
  for (Sheet sheet : kSheets) {
    INFO(sheet.name);
    const std::vector<Prediction> wanted = predictions_of(sheet);
    for (const Prediction& prediction : wanted) {
      INFO(prediction.what << ": " << prediction.how);
      CHECK(prediction.predicted.has_value());
      CHECK(prediction.error().has_value());
    }
    std::reverse(sheet.columns.begin(), sheet.columns.end());
    for (Row& row : sheet.rows) std::reverse(row.begin(), row.end());
    sheet.columns.insert(sheet.columns.begin() + 1, "colour of the box");
    for (Row& row : sheet.rows) row.insert(row.begin() + 1, "blue, \"dark\"");
    require_same(predictions_of(sheet), wanted);
  }
}

TEST_CASE("validate: columns by other names and in other units", "[validate]") {
  const Sheet& collectives = sheet_named("collectives");
  const std::vector<Prediction> wanted = predictions_of(collectives);
  require_same(predictions_of(renamed(collectives, "size_bytes", "size_KiB", 1024)), wanted);
  require_same(predictions_of(renamed(collectives, "time_us", "time_ms", 1e3)), wanted);
  require_same(predictions_of(renamed(collectives, "ranks", "world_size")), wanted);
  require_same(predictions_of(renamed(collectives, "hardware_id", "machine")), wanted);
  require_same(predictions_of(renamed(collectives, "nodes", "unknown")), wanted);  // eight ranks on each say how many
  // A bandwidth instead of a time: 1 MiB in 200 us, and of an all-reduce of 16 ranks 2 x 15/16 of that.
  Sheet bandwidth = renamed(collectives, "time_us", "algbw_GB_per_s");
  bandwidth.rows[0][column_of(bandwidth, "algbw_GB_per_s")] = cat(1048576 / 200e-6 / 1e9);
  bandwidth.rows[1][column_of(bandwidth, "algbw_GB_per_s")] = cat(4096 / 40e-6 / 1e9);
  const std::vector<Prediction> from_bandwidth = predictions_of(bandwidth);
  CHECK(std::abs(from_bandwidth[0].measured / 200 - 1) < 1e-4);
  CHECK(std::abs(from_bandwidth[1].measured / 40 - 1) < 1e-4);
  Sheet bus = renamed(bandwidth, "algbw_GB_per_s", "busbw_GB_per_s");
  bus.rows[0][column_of(bus, "busbw_GB_per_s")] = cat(1048576 / 200e-6 / 1e9 * 2 * 15 / 16);
  CHECK(std::abs(predictions_of(bus)[0].measured / 200 - 1) < 1e-4);

  const Sheet& training = sheet_named("data_parallel");
  const std::vector<Prediction> steps = predictions_of(training);
  require_same(predictions_of(renamed(training, "model", "network")), steps);
  require_same(predictions_of(renamed(training, "gpus", "num_gpus")), steps);
  require_same(predictions_of(renamed(training, "nodes", "unknown")), steps);
  require_same(predictions_of(training, renamed(kMachines, "gpu_mem_bw_GB_per_s", "gpu_mem_bw_TB_per_s", 1e3)), steps);
  // The metric in the name of the column.
  Sheet wide = training;
  wide.rows.resize(1);
  for (const char* gone : {"metric", "unit"}) wide.columns[column_of(wide, gone)] = cat("no ", gone);
  wide.columns[column_of(wide, "value")] = "step_time_ms";
  const std::vector<Prediction> from_wide = predictions_of(wide);
  REQUIRE(from_wide[0].predicted.has_value());
  CHECK(std::abs(*from_wide[0].predicted / *steps[0].predicted - 1) < 1e-9);
}

TEST_CASE("validate: cells that are empty or make no sense end their row and nothing else", "[validate]") {
  for (const Sheet& sheet : kSheets) {
    const std::size_t rows = predictions_of(sheet).size();
    for (std::size_t column = 0; column < sheet.columns.size(); ++column)
      for (const char* text : {"", "n/a", "-1", "1e300", "0", "x; y"}) {
        INFO(sheet.name << ", column " << sheet.columns[column] << " is '" << text << "'");
        Sheet broken = sheet;
        broken.rows.front()[column] = text;
        const std::vector<Prediction> all = predictions_of(broken);
        CHECK(all.size() + 2 >= rows);
        for (const Prediction& prediction : all) {
          CHECK(prediction.how != "");
          if (prediction.predicted) CHECK(std::isfinite(*prediction.predicted));
        }
        if (sheet.rows.size() > 1) CHECK(all.back().predicted.has_value());
        CHECK(!validation_text(all, true).empty());
      }
  }
  for (std::size_t column = 0; column < kMachines.columns.size(); ++column)
    for (const char* text : {"", "n/a", "-1", "1e300", "0"}) {
      INFO("hardware, column " << kMachines.columns[column] << " is '" << text << "'");
      Sheet machines = kMachines;
      machines.rows.front()[column] = text;
      for (const Sheet& sheet : kSheets) CHECK(!predictions_of(sheet, machines).empty());
    }
}

TEST_CASE("validate: machines in the words of others", "[validate]") {
  const auto machine = [](const std::string& gpu, const std::string& inside, const std::string& network, const std::string& nic) {
    Sheet sheet = kMachines;
    sheet.rows.front()[1] = gpu;
    sheet.rows.front()[7] = inside;
    sheet.rows.front()[9] = network;
    sheet.rows.front()[11] = nic;
    return read_hardware(table_of(sheet)).at("m");
  };
  const Hardware a100 = machine("NVIDIA A100 80GB SXM", "nvlink 3, nvswitch", "hdr infiniband", "8 x 200");
  CHECK(a100.wiring.interior == GpuInterior::nvlink_switch);
  CHECK(a100.wiring.fabric == FabricKind::infiniband);
  CHECK(a100.wiring.nic_bytes_per_s == 25e9);
  const Hardware gtx = machine("GTX1080Ti", "PCIe Gen3 x16, dual-socket Xeon E5-2680 v4", "25GbE", "25");
  REQUIRE(gtx.gpu != nullptr);
  CHECK(gtx.gpu->sms == 28);
  CHECK(gtx.wiring.interior == GpuInterior::pcie);
  CHECK(gtx.wiring.two_sockets);
  CHECK(gtx.wiring.fabric == FabricKind::tcp);
  CHECK(machine("V100", "NVLink", "by default nothing is said", "100").wiring.fabric == FabricKind::none);  // not EFA
  CHECK(machine("V100", "NVLink", "Slingshot 11", "200").wiring.fabric == FabricKind::roce);
  CHECK_FALSE(machine("Abacus 9000", "beads", "strings", "1").missing.empty());
}

TEST_CASE("validate: networks in the words of others", "[validate]") {
  for (const auto& [words, name] : {std::pair{"torchvision vgg16_bn", "vgg16_bn"},
                                    {"VGG-16 with batch normalization", "vgg16_bn"},
                                    {"inception-v3 (no aux)", "inception_v3"},
                                    {"GoogLeNet (Inception-v1)", "googlenet"},
                                    {"ResNet50_v2", "resnet50"},
                                    {"resnet152_v1b", "resnet152"},
                                    {"R50", "resnet50"},
                                    {"iResNet-100", "resnet100_face"},
                                    {"ResNeXt-101 32x4d", "resnext101_32x4d"},
                                    {"SE-ResNeXt101-32x4d", "se_resnext101_32x4d"},
                                    {"Inception-ResNet-v2", "inception_resnet_v2"},
                                    {"EfficientNet-B7", "efficientnet_b7"},
                                    {"MobileNetV2", "mobilenet_v2"},
                                    {"keras ResNet-110", "resnet110"}}) {
    INFO(words);
    REQUIRE(network_name(words).has_value());
    CHECK(*network_name(words) == name);
  }
  for (const char* words :
       {"VGG", "resnet", "U-Net (B=5, C=64)", "(", "()", "AmoebaNet-D (18, 256)", "imagenet", "v2", "r", "128"})
    CHECK_FALSE(network_name(words).has_value());
  // Published counts: torchvision (VGG, EfficientNet), TF-Slim (55.84 M), the paper (1.7 M), timm (SE-ResNeXt-50 27.56 M).
  const auto parameters = [](const char* name) { return parameter_count(measured_network(name)); };
  CHECK(parameters("vgg16_bn") == 138'365'992);
  CHECK(parameters("vgg11_bn") == 132'868'840);
  CHECK(parameters("efficientnet_b1") == 7'794'184);
  CHECK(parameters("efficientnet_b4") == 19'341'616);
  CHECK(parameters("efficientnet_b7") == 66'347'960);
  CHECK(std::abs(static_cast<double>(parameters("inception_resnet_v2")) / 55.84e6 - 1) < 0.005);
  CHECK(std::abs(static_cast<double>(parameters("resnet110")) / 1.73e6 - 1) < 0.01);
  CHECK(std::abs(static_cast<double>(parameters("se_resnext50_32x4d")) / 27.56e6 - 1) < 0.005);
}

TEST_CASE("validate: what a row leaves open and what is taken for it stands beside the prediction", "[validate]") {
  Sheet training = sheet_named("data_parallel");
  Row& row = training.rows.back();
  row[column_of(training, "strategy")] = "single_gpu";
  row[column_of(training, "gpus")] = "1";
  row[column_of(training, "global_batch")] = "";
  std::vector<Prediction> all = predictions_of(training);
  REQUIRE(all.back().predicted.has_value());
  CHECK(all.back().how.find("batch not stated: 256 a GPU") != std::string::npos);
  row[column_of(training, "metric")] = "step_time";  // of a batch that nobody knows
  CHECK(predictions_of(training).back().how == "batch not stated");
  row[column_of(training, "metric")] = "training_time";
  row[column_of(training, "unit")] = "h";
  for (const char* notes : {"90 epochs with validation", "a 90-epoch schedule", "epochs: 90"}) {
    row[column_of(training, "notes")] = notes;
    const std::vector<Prediction> trained = predictions_of(training);
    REQUIRE(trained.back().predicted.has_value());
    CHECK(std::abs(*trained.back().predicted * 3600 / (90 * 1281167.0 / *all.back().predicted) - 1) < 1e-9);
  }
  Sheet collectives = sheet_named("collectives");
  for (const char* gone : {"nodes", "ranks_per_node"}) collectives.columns[column_of(collectives, gone)] = cat("no ", gone);
  CHECK(predictions_of(collectives).front().how.find("nodes not stated: 2") != std::string::npos);
}
