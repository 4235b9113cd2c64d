/// The devices known by name. Peaks are what the vendor states: dense matrices, boost clock, tensor cores where the precision has
/// them (fp16 and bf16 with fp32 accumulation). No kernel reaches them; a roofline with them is a lower bound of time.
#include "reference/core/units.h"
#include "simulator/platform/cluster.h"

namespace convoy {
namespace {

constexpr double TFLOP = 1e12;
constexpr double launch_s = 5 * us;

std::int64_t gibibytes(std::int64_t count) { return count << 30; }

/// Launch overhead: NVIDIA and many papers give 3 to 10 us for launching a kernel from the host; it is the same for all rows.
std::string source(const std::string& sheet) {
  return sheet + "; launch overhead: 5 us, the usual order of a kernel launch (not from the data sheet)";
}

}  // namespace

const std::vector<std::string>& precision_names() {
  static const std::vector<std::string> names = {"fp64", "fp32", "tf32", "fp16", "bf16"};
  return names;
}

const std::vector<Device>& device_table() {
  static const std::vector<Device> rows = {
      {.name = "K80",
       .peak_flops_per_s = {{"fp64", 1.455 * TFLOP}, {"fp32", 4.37 * TFLOP}},
       .memory_bandwidth_bytes_per_s = 240 * GB,
       .memory_bytes = gibibytes(12),
       .launch_overhead_s = launch_s,
       .source = source("NVIDIA Tesla K80 data sheet (2014), half of the board: one GK210 die at boost clock")},
      {.name = "P100-SXM2-16GB",
       .peak_flops_per_s = {{"fp64", 5.3 * TFLOP}, {"fp32", 10.6 * TFLOP}, {"fp16", 21.2 * TFLOP}},
       .memory_bandwidth_bytes_per_s = 732 * GB,
       .memory_bytes = gibibytes(16),
       .launch_overhead_s = launch_s,
       .source = source("NVIDIA Tesla P100 data sheet (2016), NVLink version")},
      {.name = "V100-SXM2-16GB",
       .peak_flops_per_s = {{"fp64", 7.8 * TFLOP}, {"fp32", 15.7 * TFLOP}, {"fp16", 125 * TFLOP}},
       .memory_bandwidth_bytes_per_s = 900 * GB,
       .memory_bytes = gibibytes(16),
       .launch_overhead_s = launch_s,
       .source = source("NVIDIA V100 data sheet (2018), SXM2")},
      {.name = "V100-PCIE-16GB",
       .peak_flops_per_s = {{"fp64", 7.0 * TFLOP}, {"fp32", 14.0 * TFLOP}, {"fp16", 112 * TFLOP}},
       .memory_bandwidth_bytes_per_s = 900 * GB,
       .memory_bytes = gibibytes(16),
       .launch_overhead_s = launch_s,
       .source = source("NVIDIA V100 data sheet (2018), PCIe")},
      {.name = "RTX-2080-Ti",
       .peak_flops_per_s = {{"fp64", 0.42 * TFLOP}, {"fp32", 13.45 * TFLOP}, {"fp16", 53.8 * TFLOP}},
       .memory_bandwidth_bytes_per_s = 616 * GB,
       .memory_bytes = gibibytes(11),
       .launch_overhead_s = launch_s,
       .source =
           source("NVIDIA Turing architecture white paper (2018), RTX 2080 Ti at reference clock, fp16 accumulating in fp32")},
      {.name = "RTX-3090",
       .peak_flops_per_s =
           {{"fp64", 0.556 * TFLOP}, {"fp32", 35.6 * TFLOP}, {"tf32", 35.6 * TFLOP}, {"fp16", 71 * TFLOP}, {"bf16", 71 * TFLOP}},
       .memory_bandwidth_bytes_per_s = 936 * GB,
       .memory_bytes = gibibytes(24),
       .launch_overhead_s = launch_s,
       .source = source("NVIDIA Ampere GA102 architecture white paper (2020), dense, accumulating in fp32")},
      {.name = "A100-SXM4-40GB",
       .peak_flops_per_s =
           {{"fp64", 9.7 * TFLOP}, {"fp32", 19.5 * TFLOP}, {"tf32", 156 * TFLOP}, {"fp16", 312 * TFLOP}, {"bf16", 312 * TFLOP}},
       .memory_bandwidth_bytes_per_s = 1555 * GB,
       .memory_bytes = gibibytes(40),
       .launch_overhead_s = launch_s,
       .source = source("NVIDIA A100 data sheet (2020), dense, fp64 without tensor cores")},
      {.name = "A100-SXM4-80GB",
       .peak_flops_per_s =
           {{"fp64", 9.7 * TFLOP}, {"fp32", 19.5 * TFLOP}, {"tf32", 156 * TFLOP}, {"fp16", 312 * TFLOP}, {"bf16", 312 * TFLOP}},
       .memory_bandwidth_bytes_per_s = 2039 * GB,
       .memory_bytes = gibibytes(80),
       .launch_overhead_s = launch_s,
       .source = source("NVIDIA A100 data sheet (2021), dense, fp64 without tensor cores")},
      {.name = "H100-SXM5-80GB",
       .peak_flops_per_s = {{"fp64", 33.5 * TFLOP},
                            {"fp32", 66.9 * TFLOP},
                            {"tf32", 494.7 * TFLOP},
                            {"fp16", 989.4 * TFLOP},
                            {"bf16", 989.4 * TFLOP}},
       .memory_bandwidth_bytes_per_s = 3350 * GB,
       .memory_bytes = gibibytes(80),
       .launch_overhead_s = launch_s,
       .source = source("NVIDIA H100 architecture white paper and data sheet (2022), dense, fp64 without tensor cores")},
  };
  return rows;
}

}  // namespace convoy
