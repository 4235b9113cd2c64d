/// Kernels: seconds of compute ops on a GPU from facts of its kernels, instead of peaks alone.
///
/// A convolution or linear layer is a matrix product of tiles on multiprocessors (implicit GEMM), see gemm_time_s(); in single
/// precision a 3x3 convolution of stride 1 may be done by Winograd's algorithm instead, where that is faster. Everything else
/// moves memory. Nothing here is fitted to a measurement of a network; each constant says where it comes from.
#pragma once

#include "reference/model/model.h"
#include "reference/schedule/ideal.h"
#include "simulator/platform/cluster.h"
#include "simulator/platform/gpu.h"

namespace convoy {

/// C[m,n] = A[m,k] B[k,n], `count` of them at once.
struct Gemm {
  double m = 0;
  double n = 0;
  double k = 0;
  double count = 1;
  [[nodiscard]] double flops() const { return 2 * m * n * k * count; }
};

/// What a kernel runs on and in which precision.
struct KernelMachine {
  const Gpu* gpu = nullptr;
  double peak_flops_per_s = 0;    ///< of matrix products in this precision
  double vector_flops_per_s = 0;  ///< of fp32 without tensor cores
  double memory_bytes_per_s = 0;  ///< of the data sheet
  bool tensor_cores = false;      ///< matrix products go there
  double element_bytes = 4;       ///< of activations and of weights as they are read: 2 for fp16, bf16 and amp
  double launch_s = 0;            ///< between two kernels that a host issues
  bool converts_layout = false;   ///< images are NCHW, and tensor cores take NHWC: x and y are turned around each convolution
  bool pads_channels = true;      ///< tensor cores take channels that are no multiple of 8 as well: cuDNN 7.3 and later
  bool winograd = true;           ///< the library has it: cuDNN 5 and later, neon
  bool fft = false;               ///< and uses convolution by Fourier transforms where it is the fastest: cuDNN 3 and 4
  bool fuses = false;             ///< what works element by element joins the kernel before it, as XLA's compiler has it
  bool repeated = false;          ///< one kernel again and again, as benchmarks of single layers do: it finds its data in L2
  bool image_by_image = false;    ///< im2col and one matrix product for each image, as in Caffe without cuDNN
};

/// The machine for a precision: fp32, tf32, fp16, bf16 or amp (fp16 arithmetic, master weights in fp32). Throws InputError where
/// the device states no peak for it.
KernelMachine kernel_machine(const Device& device, const Gpu& gpu, const std::string& precision);

/// The time of a product on one GPU.
///
/// The result is cut into tiles, one to a thread block; blocks fill the multiprocessors in waves, so that a last wave that is
/// half empty takes as long as a full one (as soon as one multiprocessor has a block more, all wait for it). A product with few
/// tiles and a long k is cut along k too (split-k), at the price of one more pass over the result in fp32. A block first
/// fetches a tile from memory and at the end writes one (prologue and epilogue, about two memory latencies), which costs as much
/// as some steps of k. Tiles of 256x128 down to 32x32; the fastest counts, as libraries choose by trial or table. What small
/// tiles cost: every multiply-add needs more bytes from shared memory.
double gemm_time_s(const Gemm& gemm, const KernelMachine& machine);

/// The same where one operand is an image and not a matrix: fewer tiles are to be had there. `of_weights`: the result is the
/// gradient of the filters, m filters and n channels times taps; else m pixels.
double implicit_gemm_time_s(const Gemm& gemm, bool of_weights, const KernelMachine& machine);

/// The fraction of its peak that the main loop of the best matrix kernels keeps up, whatever the problem: see kernels.cpp.
double mainloop_fraction(const KernelMachine& machine);
/// Bytes/s that kernels which only move memory reach: STREAM-like kernels read and write 80 to 90 % of the data sheet's rate,
/// since DRAM refreshes and turns between reading and writing; ECC in GDDR5 takes more.
double streaming_bytes_per_s(const KernelMachine& machine);
/// Seconds for so many bytes, read and written: at the rate of memory, but where a kernel is repeated on the same data at that of
/// L2 for as much of it as fits there.
double moving_time_s(double bytes, const KernelMachine& machine);
/// How many times as fast as memory L2 is: V100 2,155 of 900 GB/s (Jia et al. 2018), A100 about 2.3 times as fast as DRAM too
/// (NVIDIA A100 white paper: 5,120 bytes a clock at most).
inline constexpr double kL2OverDram = 2.4;

/// How often pooling fetches what it reads: neighbouring lanes want values that lie stride_w apart, so that every request touches
/// as many times the sectors it needs; what the next request hits in L1 still takes its turn there.
double strided_accesses(const Window& window);

/// The time of a pass of a layer, from x of this shape to y of that; `work` counts for layers that only move memory.
double layer_time_s(const Layer& layer, const Shape& x, const Shape& y, Pass pass, const Work& work,
                    const KernelMachine& machine);

/// Seconds of compute ops by kernels. `model` says what the ops' nodes are.
CostModel kernel_costs(const Model& model, const KernelMachine& machine);

}  // namespace convoy
