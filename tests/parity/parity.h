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
  std::string model;
  std::string folder;
  int batch = 1;
};
/// "train.safetensors": the loss of one step, the logits of all heads (<head>.logits), the gradient of the images (dx) and of all
/// learned tensors (d.<name>); dropout drops nothing. "evaluate.safetensors": the logits with the running statistics.
void run_network(const NetworkRun& run);

/// With the naive kernels in float64, since ten steps of a deep network blow rounding up: "steps.safetensors", the losses of
/// `steps` steps of SGD (momentum 0.9, weight decay 1e-4), the gradients of the first and what the weights are after the last
/// (w.<name>).
void run_steps(const NetworkRun& run, int steps, double learning_rate);

}  // namespace convoy::parity
