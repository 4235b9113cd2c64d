/// The devices known by name. Peaks are what the vendor states: dense matrices, boost clock, tensor cores where the precision has
/// them (fp16 and bf16 with fp32 accumulation). No kernel reaches them; a roofline with them is a lower bound of time.
#include <string_view>

#include "reference/core/units.h"
#include "simulator/platform/cluster.h"

namespace convoy {
namespace {

/// TFLOP/s, 0 where there is no such unit; GB/s; GiB.
struct Row {
  const char* name;
  double fp64, fp32, tf32, fp16;
  double memory_GBps;
  int memory_GiB;
  const char* sheet;
};

/// Of the rows "from memory" the sheet was not at hand when they were written down.
constexpr Row kGpus[] = {
    {"K20", 1.17, 3.52, 0, 0, 208, 5, "NVIDIA Tesla K20 data sheet (2012); from memory"},
    {"K40", 1.43, 4.29, 0, 0, 288, 12, "NVIDIA Tesla K40 data sheet (2013), base clock; from memory"},
    {"K80", 1.455, 4.37, 0, 0, 240, 12, "NVIDIA Tesla K80 data sheet (2014), half of the board: one GK210 die at boost clock"},
    {"GTX-980", 0.156, 4.98, 0, 0, 224, 4, "NVIDIA GeForce GTX 980 specifications (2014), boost clock; from memory"},
    {"GTX-Titan-X", 0.192, 6.14, 0, 0, 336.5, 12,
     "NVIDIA GeForce GTX Titan X specifications (2015, Maxwell), base clock; from memory"},
    {"M40", 0.21, 6.84, 0, 0, 288, 12, "NVIDIA Tesla M40 data sheet (2015), boost clock; from memory"},
    {"P100-SXM2-16GB", 5.3, 10.6, 0, 21.2, 732, 16, "NVIDIA Tesla P100 data sheet (2016), NVLink version"},
    {"P100-PCIE-16GB", 4.7, 9.3, 0, 18.7, 732, 16, "NVIDIA Tesla P100 data sheet (2016), PCIe version; from memory"},
    {"P40", 0.367, 11.76, 0, 0, 346, 24, "NVIDIA Tesla P40 data sheet (2016); from memory"},
    {"P4", 0.17, 5.5, 0, 0, 192, 8, "NVIDIA Tesla P4 data sheet (2016); from memory"},
    {"GTX-1080", 0.277, 8.87, 0, 0, 320, 8, "NVIDIA GeForce GTX 1080 specifications (2016), boost clock; from memory"},
    {"GTX-1080-Ti", 0.354, 11.34, 0, 0, 484, 11, "NVIDIA GeForce GTX 1080 Ti specifications (2017), boost clock; from memory"},
    {"V100-SXM2-16GB", 7.8, 15.7, 0, 125, 900, 16, "NVIDIA V100 data sheet (2018), SXM2"},
    {"V100-PCIE-16GB", 7.0, 14.0, 0, 112, 900, 16, "NVIDIA V100 data sheet (2018), PCIe"},
    {"V100-SXM2-32GB", 7.8, 15.7, 0, 125, 900, 32, "NVIDIA V100 data sheet (2018), SXM2; from memory"},
    {"V100-SXM3-32GB", 7.8, 15.7, 0, 125, 981, 32, "NVIDIA DGX-2 data sheet (2018), 450 W version; from memory"},
    {"V100-PCIE-32GB", 7.0, 14.0, 0, 112, 900, 32, "NVIDIA V100 data sheet (2018), PCIe; from memory"},
    {"V100S-PCIE-32GB", 8.2, 16.4, 0, 130, 1134, 32, "NVIDIA V100 data sheet (2020), V100S PCIe; from memory"},
    {"Titan-V", 7.45, 14.9, 0, 110, 653, 12, "NVIDIA Titan V specifications (2017), boost clock; from memory"},
    {"T4", 0.254, 8.1, 0, 65, 320, 16, "NVIDIA T4 data sheet (2018); from memory"},
    {"RTX-2080-Ti", 0.42, 13.45, 0, 53.8, 616, 11,
     "NVIDIA Turing architecture white paper (2018), RTX 2080 Ti at reference clock, fp16 accumulating in fp32"},
    {"Titan-RTX", 0.51, 16.3, 0, 130, 672, 24, "NVIDIA Titan RTX specifications (2018); from memory"},
    {"RTX-8000", 0.51, 16.3, 0, 130, 672, 48, "NVIDIA Quadro RTX 8000 data sheet (2018); from memory"},
    {"A100-SXM4-40GB", 9.7, 19.5, 156, 312, 1555, 40, "NVIDIA A100 data sheet (2020), dense, fp64 without tensor cores"},
    {"A100-SXM4-80GB", 9.7, 19.5, 156, 312, 2039, 80, "NVIDIA A100 data sheet (2021), dense, fp64 without tensor cores"},
    {"A100-PCIE-40GB", 9.7, 19.5, 156, 312, 1555, 40,
     "NVIDIA A100 data sheet (2020), PCIe, dense, fp64 without tensor cores; from memory"},
    {"A100-PCIE-80GB", 9.7, 19.5, 156, 312, 1935, 80,
     "NVIDIA A100 data sheet (2021), PCIe, dense, fp64 without tensor cores; from memory"},
    {"A30", 5.2, 10.3, 82, 165, 933, 24, "NVIDIA A30 data sheet (2021), dense; from memory"},
    {"A10", 0.976, 31.2, 62.5, 125, 600, 24, "NVIDIA A10 data sheet (2021), dense; from memory"},
    {"A10G", 1.1, 35, 35, 70, 600, 24, "NVIDIA A10G data sheet (2021; in instances g5 of AWS), dense; from memory"},
    {"A40", 0.585, 37.4, 74.8, 149.7, 696, 48, "NVIDIA A40 data sheet (2020), dense; from memory"},
    {"RTX-A6000", 0.605, 38.7, 77.4, 154.8, 768, 48, "NVIDIA RTX A6000 data sheet (2020), dense; from memory"},
    {"RTX-3070", 0.317, 20.3, 20.3, 40.6, 448, 8,
     "NVIDIA Ampere GA102 architecture white paper (2020), GeForce RTX 3070, dense, accumulating in fp32; from memory"},
    {"RTX-3080", 0.465, 29.8, 29.8, 59.5, 760, 10,
     "NVIDIA Ampere GA102 architecture white paper (2020), GeForce RTX 3080, dense, accumulating in fp32; from memory"},
    {"RTX-3090", 0.556, 35.6, 35.6, 71, 936, 24,
     "NVIDIA Ampere GA102 architecture white paper (2020), dense, accumulating in fp32"},
    {"L4", 0.47, 30.3, 60, 121, 300, 24, "NVIDIA L4 data sheet (2023), dense; from memory"},
    {"L40", 1.41, 90.5, 90.5, 181, 864, 48, "NVIDIA L40 data sheet (2022), dense; from memory"},
    {"L40S", 1.43, 91.6, 183, 362, 864, 48, "NVIDIA L40S data sheet (2023), dense; from memory"},
    {"RTX-4080", 0.76, 48.7, 48.7, 97.5, 717, 16,
     "NVIDIA Ada GPU architecture white paper (2022), GeForce RTX 4080, dense, accumulating in fp32; from memory"},
    {"RTX-4090", 1.29, 82.6, 82.6, 165.2, 1008, 24,
     "NVIDIA Ada GPU architecture white paper (2022), GeForce RTX 4090, dense, accumulating in fp32; from memory"},
    {"RTX-6000-Ada", 1.42, 91.1, 182, 364, 960, 48, "NVIDIA RTX 6000 Ada data sheet (2022), dense; from memory"},
    {"H100-SXM5-80GB", 33.5, 66.9, 494.7, 989.4, 3350, 80,
     "NVIDIA H100 architecture white paper and data sheet (2022), dense, fp64 without tensor cores"},
    {"H100-PCIE-80GB", 25.6, 51.2, 378, 756, 2039, 80,
     "NVIDIA H100 data sheet (2022), PCIe, dense, fp64 without tensor cores; from memory"},
    {"H200-SXM-141GB", 33.5, 66.9, 494.7, 989.4, 4800, 140,
     "NVIDIA H200 data sheet (2024), dense, fp64 without tensor cores; from memory"},
    {"B200-SXM-180GB", 40, 80, 1125, 2250, 7700, 179, "NVIDIA HGX B200 data sheet (2024), an eighth of it, dense; from memory"},
    {"MI250X-GCD", 23.9, 23.9, 0, 191.5, 1638, 64,
     "AMD Instinct MI250X data sheet (2021), one of two dies, fp32 and fp64 without matrix cores; from memory"},
    {"MI300X", 81.7, 163.4, 653.7, 1307.4, 5300, 192, "AMD Instinct MI300X data sheet (2023), dense; from memory"}};

Device device_of(const Row& row) {
  constexpr double kTera = 1e12;
  Device device{
      .name = row.name,
      .memory_bandwidth_bytes_per_s = row.memory_GBps * GB,
      .memory_bytes = std::int64_t{row.memory_GiB} << 30,
      .launch_overhead_s = 5 * us,
      .source = std::string(row.sheet) + "; launch overhead: 5 us, the usual order of a kernel launch (not from the data sheet)"};
  const auto state = [&](const char* precision, double tflops) {
    if (tflops > 0) device.peak_flops_per_s[precision] = tflops * kTera;
  };
  state("fp64", row.fp64);
  state("fp32", row.fp32);
  state("tf32", row.tf32);
  state("fp16", row.fp16);
  // NVIDIA's GPUs with tf32 have bf16 at the rate of fp16; AMD's have it from MI250X on, which has no tf32.
  if (row.tf32 > 0 || std::string_view(row.name).starts_with("MI")) state("bf16", row.fp16);
  return device;
}

Device processor(const char* name, double fp64, double fp32, double memory_GBps, int memory_GiB, const char* source) {
  Device device = device_of({name, fp64, fp32, 0, 0, memory_GBps, memory_GiB, ""});
  device.launch_overhead_s = 0;
  device.source = source;
  return device;
}

std::vector<Device> all_devices() {
  std::vector<Device> all;
  for (const Row& row : kGpus) all.push_back(device_of(row));
  all.push_back(processor("Xeon-Phi-7250", 3.05, 6.1, 450, 16,
                          "Intel Xeon Phi 7250 specifications (2016); its fast memory only (MCDRAM, 16 GiB); from memory"));
  all.push_back(processor("Xeon-Gold-6148", 1.024, 2.048, 128, 96,
                          "Intel Xeon Gold 6148 specifications (2017): 20 cores at 1.6 GHz (all cores, AVX-512), 2 units of 16 "
                          "fp32 numbers, 2 FLOP each; 6 channels of DDR4-2666; 6 modules of 16 GiB; from memory"));
  return all;
}

}  // namespace

const std::vector<std::string>& precision_names() {
  static const std::vector<std::string> names = {"fp64", "fp32", "tf32", "fp16", "bf16"};
  return names;
}

const std::vector<Device>& device_table() {
  static const std::vector<Device> all = all_devices();
  return all;
}

}  // namespace convoy
