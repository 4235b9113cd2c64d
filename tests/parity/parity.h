/// The C++ half of the parity tests: runs layers and networks on what tests/parity/parity.py made, and writes what came out.
#pragma once

#include <string>
#include <vector>

namespace convoy::parity {

/// Every row of tests/rows/layers.h, forward and backward, into a safetensors file.
void write_layers(const std::string& path);

/// What a network is given: a folder with "weights.safetensors" (under Convoy's names), "images" (bytes, one after the other,
/// which stand for (byte/255 - 0.45) / 0.225) and "labels" (a byte each). The results are written into it.
struct NetworkRun {
  std::string model;  ///< as `convoy --model` takes it: "resnet18@3x64x64"
  std::string folder;
  int batch = 1;
};
/// Linear layers of 4,096 outputs get kNarrow: AlexNet's and VGG's, which are nine tenths of their weights and say nothing about
/// strides, padding and order.
inline constexpr int kWide = 4096, kNarrow = 96;

/// "train.safetensors": the loss of one step, the logits of all heads (<head>.logits), the gradient of the images (dx) and of all
/// learned tensors (d.<name>), by the naive kernels in float64, or by the fast ones; dropout drops nothing.
/// "evaluate.safetensors": the logits with the running statistics, by the fast kernels on blocked and fused layers, as `convoy
/// train` runs them. Values are rounded to float32 in the files.
void run_network(const NetworkRun& run, bool fast);

/// "steps.safetensors": the losses of `steps` steps of SGD (momentum 0.9, weight decay 1e-4), the gradients of the first and what
/// the weights are after the last (w.<name>). By the naive kernels in float64, or by the fast ones, blocked and fused.
void run_steps(const NetworkRun& run, int steps, double learning_rate, bool fast);

/// A network with its weights from an ONNX file (run.model): "evaluate.safetensors", by the naive kernels in float64. Its image
/// has the size that the file says.
void run_onnx(const NetworkRun& run);

}  // namespace convoy::parity
