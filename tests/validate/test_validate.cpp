#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "reference/core/error.h"
#include "reference/core/units.h"
#include "reference/io/file.h"
#include "simulator/validate/cells.h"
#include "simulator/validate/networks/networks.h"
#include "simulator/validate/report.h"
#include "simulator/validate/task.h"
#include "tests/catch.h"

using namespace convoy;

namespace {

constexpr const char* kHardware =
    "hardware_id,gpu,gpu_peak_fp32_TFLOP_per_s,gpu_peak_fp16_or_tensor_TFLOP_per_s,gpu_mem_bw_GB_per_s,gpu_mem_GB,gpus_per_node,"
    "intra_node_link,intra_node_bw_per_gpu_per_direction_GB_per_s,inter_node_link,nics_per_node,nic_Gbit_per_s,notes\n"
    "box,Tesla V100-SXM2-16GB,15.7,125,900,16,8,NVLink 2 hybrid cube mesh,150,none used,,,\n"
    "lan,GeForce RTX 2080 Ti,13.45,53.8,616,11,4,PCIe 3.0 x16,15.75,10 Gbit/s Ethernet or 100 Gbit/s InfiniBand per case,1,10 or "
    "100,\n"
    "secret,GPU model not stated,,,,,,,,,,,\n";

Tables tables_of(const std::string& collectives, const std::string& training) {
  Tables tables;
  tables["hardware"] = parse_csv(kHardware, "hardware.csv");
  tables["collectives"] = parse_csv(collectives, "collectives.csv");
  tables["data_parallel"] = parse_csv(training, "data_parallel.csv");
  return tables;
}

const std::string kCollectives =
    "case_id,op,ranks,nodes,size_bytes,time_us,algorithm,library,buffer,verified,hardware_id,a column of somebody\n"
    "a,allreduce,8,1,1000000000,15000,library default,NCCL 2.8,gpu,yes,box,x\n"
    "b,allreduce,16,16,100000000,170000,ring,NCCL 2.8,gpu,yes,lan,10g\n"
    "c,allreduce,8,1,1000,10,,NCCL,gpu,yes,secret,\n"
    "d,allreduce,8,1,,10,,NCCL,gpu,yes,box\n"
    "e,alltoallw,8,1,1000,10,,NCCL,gpu,no (from memory),box,\n";
const std::string kTraining =
    "case_id,model,strategy,gpus,nodes,batch_per_gpu,global_batch,precision,framework,metric,value,unit,verified,hardware_id,"
    "source_id\n"
    "v,VGG-16,data_parallel_allreduce,8,1,32,256,fp32,PyTorch,throughput,1500,images/s,yes,box,x\n"
    "v,VGG-16,single_gpu,1,1,32,32,fp32,PyTorch,throughput,200,images/s,yes,box,x\n"
    "w,Net of Nobody,single_gpu,1,1,32,32,fp32,PyTorch,throughput,200,images/s,yes,box,x\n"
    "w,VGG-16,single_gpu,1,1,32,32,fp32,PyTorch,throughput,two hundred,images/s,yes,box,x\n"
    "w,VGG-16,pipeline_gpipe,4,1,32,128,fp32,PyTorch,throughput,200,images/s,yes,box,x\n";

}  // namespace

TEST_CASE("validate: a small folder gives what arithmetic says, and a reason for every other row", "[validate]") {
  const std::vector<Prediction> all = predict_all(tables_of(kCollectives, kTraining));
  REQUIRE(all.size() == 10);
  // Ring of 8 on six links of 20 GB/s, Simple: 14 hops of 3.4 us, a start of 8.4 us, 14/8 of 1 GB.
  REQUIRE(all[0].predicted.has_value());
  CHECK(std::abs(*all[0].predicted / (1e9 * 14 / 8 / 120e9 / us + 14 * 3.4 + 8.4) - 1) < 1e-9);
  CHECK(std::abs(*all[0].error() - (*all[0].predicted / 15000 - 1)) < 1e-12);
  // Ring of 16 nodes of one GPU on TCP, Simple with its plateau: 30 hops of 9.6 (NCCL 2.8) + 21 us, 1.9 times.
  REQUIRE(all[1].predicted.has_value());
  CHECK(std::abs(*all[1].predicted / (1e8 * 30 / 16 / (1.25e9 * 1448 / 1538) / us + 1.9 * (8.4 + 30 * 30.6)) - 1) < 1e-9);
  CHECK(all[2].how == "GPU not stated");
  CHECK(all[3].how == "size_bytes not stated");
  CHECK(all[4].how.find("alltoallw") != std::string::npos);
  CHECK_FALSE(all[4].target);
  REQUIRE(all[5].predicted.has_value());
  REQUIRE(all[6].predicted.has_value());
  CHECK(*all[5].predicted <= 8 * *all[6].predicted);
  CHECK(*all[5].predicted > 4 * *all[6].predicted);
  CHECK(all[7].how.find("is not known") != std::string::npos);
  CHECK(all[8].how.find("line 5, column") != std::string::npos);
  REQUIRE(all[9].predicted.has_value());
  CHECK(*all[9].predicted > *all[6].predicted);  // four stages beat one GPU
  CHECK(*all[9].predicted < 4 * *all[6].predicted);
  CHECK(all[9].how == "4 stages, 16 micro-batches (not stated)");

  const std::vector<Summary> tables = by_table(all);
  REQUIRE(tables.size() == 2);
  CHECK(tables[0].rows == 5);
  CHECK(tables[0].predicted == 2);
  CHECK(std::abs(*tables[0].median - (std::abs(*all[0].error()) + std::abs(*all[1].error())) / 2) < 1e-12);
  CHECK(parse_csv(validation_csv(all), "out.csv").rows.size() == 10);
  CHECK(validation_text(all, true).find("GPU not stated") != std::string::npos);
  CHECK(validation_json(all)["rows"].size() == 10);
}

TEST_CASE("validate: networks by the spellings of sources, with the parameters that are published", "[validate]") {
  for (const auto& [words, name] : {std::pair{"ResNet-50 v1.5", "resnet50"},
                                    {"Inception V3", "inception_v3"},
                                    {"VGG-A (11 layers)", "vgg11"},
                                    {"Inception-V1", "googlenet"},
                                    {"squeezenet1_0", "squeezenet1_0"},
                                    {"OverFeat fast", "overfeat"},
                                    {"DenseNet-161", "densenet161"}}) {
    INFO(words);
    REQUIRE(network_name(words).has_value());
    CHECK(*network_name(words) == name);
  }
  CHECK_FALSE(network_name("Net of Nobody").has_value());
  CHECK_FALSE(network_name("").has_value());
  // torchvision's counts; Inception-v4's of its paper's code (42,679,816); OverFeat's of convnet-benchmarks' layers; EfficientNet
  // without squeeze-and-excitation, so less.
  const auto millions = [](const char* name) { return static_cast<double>(parameter_count(measured_network(name))) / 1e6; };
  CHECK(parameter_count(measured_network("densenet161")) == 28'681'000);
  CHECK(parameter_count(measured_network("densenet169")) == 14'149'480);
  CHECK(parameter_count(measured_network("squeezenet1_0")) == 1'248'424);
  CHECK(parameter_count(measured_network("vgg13")) == 133'047'848);
  CHECK(parameter_count(measured_network("resnext101_32x8d")) == 88'791'336);
  CHECK(parameter_count(measured_network("wide_resnet50_2")) == 68'883'240);
  CHECK(parameter_count(measured_network("mobilenet_v2")) == 3'504'872);
  CHECK(std::abs(millions("inception_v4") / 42.68 - 1) < 0.002);
  CHECK(std::abs(millions("inception_bn") / 11.3 - 1) < 0.03);
  CHECK(std::abs(millions("resnet50_face") / 43.6 - 1) < 0.01);  // 512 of embedding with BatchNorm in the code of ArcFace
  CHECK(millions("efficientnet_b0") < 5.3);
  CHECK(measured_network("resnet50", 226).image.h == 224);
  CHECK(measured_network("resnet50", 128).image.h == 128);
}

TEST_CASE("validate: versions and frameworks in words", "[validate]") {
  CHECK(nccl_version("NCCL 2.8.4") == 20804);
  CHECK(nccl_version("Chainer 7.0.0 + ChainerMN, NCCL 2.4.8, MPI") == 20408);
  CHECK(nccl_version("NCCL 2.x (2019)") == 20000);
  CHECK(nccl_version("NCCL 2.20.5+cuda12") == 22005);
  CHECK(nccl_version("NCCL") == 0);
  CHECK(nccl_version("NCCL 99999999999.1") == 990100);
  CHECK(framework_of("Chainer 7").packs_gradients);
  CHECK(framework_of("PyTorch 21.03").update_launches == 4);
  CHECK(framework_of("").call_s == 0);
  CHECK(cudnn_version("CuDNN[R4]-fp16") == 4);
  CHECK(cudnn_version("MXNet 1.2, cuDNN 7.0.5") == 7);
  CHECK(cudnn_version("Poseidon (Caffe), cuDNN R2") == 2);
  CHECK(cudnn_version("cuDNN") == 0);
  const Gpu& volta = *find_gpu("V100");
  CHECK(precision_of("float16", volta) == "fp16");
  CHECK(precision_of("Mixed precision", volta) == "amp");
  CHECK(precision_of("tf32 possible (fp32 flag on Ampere)", volta) == "fp32");
  CHECK(precision_of("tf32 possible (fp32 flag on Ampere)", *find_gpu("A100")) == "tf32");
  CHECK_THROWS(precision_of("int8", volta));
}

TEST_CASE("validate: how frameworks lay images out", "[validate]") {
  const auto hardware = read_hardware(parse_csv(kHardware, "hardware.csv"));
  const auto is_channels_first = [&](const std::string& source, const std::string& framework, const std::string& precision) {
    const std::string row = cat(source, ",", framework, ",", precision, ",ResNet-50,1,1,32\n");
    const CsvTable table = parse_csv("source_id,framework,precision,model,gpus,nodes,batch_per_gpu\n" + row, "rows.csv");
    return read_task(table, 0, hardware.at("box")).channels_first;
  };
  CHECK_FALSE(is_channels_first("x", "TensorFlow 1.15", "fp16"));
  CHECK_FALSE(is_channels_first("x", "TensorFlow 20.06", "amp"));
  CHECK(is_channels_first("x", "TensorFlow 1.15", "fp32"));
  CHECK(is_channels_first("x", "TensorFlow 1.10", "fp16"));
  CHECK(is_channels_first("x", "PyTorch 20.06", "amp"));
  CHECK_FALSE(is_channels_first("dle_mxnet", "MXNet 20.06", "amp"));
  CHECK(is_channels_first("dle_tf", "TensorFlow 20.06", "tf32"));
}

TEST_CASE("validate: a bad number in the table of hardware concerns the rows of that machine alone", "[validate]") {
  Tables tables = tables_of(kCollectives, kTraining);
  std::string hardware = kHardware;
  hardware.replace(hardware.find("11,4,PCIe"), 2, "eleven");
  tables["hardware"] = parse_csv(hardware, "hardware.csv");
  const std::vector<Prediction> all = predict_all(tables);
  REQUIRE(all.size() == 10);
  CHECK(all[0].predicted.has_value());
  CHECK_FALSE(all[1].predicted.has_value());
  CHECK(all[1].how.find("'eleven' in column gpu_mem_GB") != std::string::npos);
  CHECK(all[5].predicted.has_value());
}

TEST_CASE("validate: the network that the words of a case name", "[validate]") {
  const auto hardware = read_hardware(parse_csv(kHardware, "hardware.csv"));
  const Hardware& lan = hardware.at("lan");
  CHECK(wiring_of(lan, "ddl_100ib_case").fabric == FabricKind::infiniband);
  CHECK(wiring_of(lan, "ddl_100ib_case").nic_bytes_per_s == 100 * Gbit);
  CHECK(wiring_of(lan, "2080ti_10g").fabric == FabricKind::tcp);
  CHECK(wiring_of(lan, "2080ti_10g").nic_bytes_per_s == 10 * Gbit);
  CHECK_FALSE(lan.wiring.peer_to_peer);
  CHECK(hardware.at("box").wiring.nvlinks == 6);
  CHECK(hardware.at("box").wiring.interior == GpuInterior::nvlink_mesh);
}

TEST_CASE("validate: folders that cannot be used are refused", "[validate]") {
  const std::filesystem::path folder = std::filesystem::temp_directory_path() / "convoy_validate_test";
  std::filesystem::remove_all(folder);
  CHECK_THROWS_AS(read_tables(folder.string()), InputError);
  std::filesystem::create_directory(folder);
  CHECK_THROWS_AS(read_tables(folder.string()), InputError);
  write_file_atomically((folder / "hardware.csv").string(), kHardware);
  CHECK_THROWS_AS(read_tables(folder.string()), InputError);
  write_file_atomically((folder / "collectives.csv").string(), kCollectives);
  CHECK(read_tables(folder.string()).size() == 2);
  std::filesystem::remove_all(folder);
}
