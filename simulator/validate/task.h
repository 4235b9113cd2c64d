/// MeasuredTask: what a row of a table of training asks for, read from its cells.
#pragma once

#include <map>
#include <string>

#include "simulator/validate/cells.h"

namespace convoy {

enum class Strategy : unsigned char {
  plan,             ///< one of our plans: `plan` names it
  servers,          ///< variables on the host of one node
  pipeline,         ///< stages and micro-batches
  layers,           ///< stages one after the other, without micro-batches
  replicated_stage  ///< two stages, of which one has several replicas (PipeDream)
};

struct MeasuredTask {
  std::string network;  ///< as network_name() gives it
  int image_px = 0;
  Strategy strategy = Strategy::plan;
  std::string plan = "data";
  int ranks = 1;
  int nodes = 1;
  int global_batch = 1;  ///< 0: not stated
  std::string precision;
  std::string framework;
  std::string variant;
  bool channels_first = true;  ///< images are NCHW
  int inner = 0;               ///< ranks of the inner axis of a hybrid
  std::string inside;
  int stages = 1;
  int micro_batches = 0;   ///< 0: not stated
  bool recompute = false;  ///< the forward pass again before the backward pass
  double classes = 0;      ///< of a class layer behind an embedding; 0: there is none
  double sampled = 1;      ///< the part of the classes that a step uses
  bool split_classes = false;
  friend auto operator<=>(const MeasuredTask&, const MeasuredTask&) = default;
};

/// Throws NotDone where the row does not say enough, or something that is not modelled. The hardware has a GPU.
MeasuredTask read_task(const CsvTable& table, std::size_t row, const Hardware& hardware);

/// What a framework is known to do, from words that name it: "PyTorch 21.03", "Chainer 7.0.0 + ChainerMN". See task.cpp for where
/// the numbers are from.
struct Framework {
  double call_s = 0;             ///< of the host for an op, besides the driver's launch
  int update_launches = 0;       ///< kernels that update one tensor; 0: one for all tensors
  int segment = 0;               ///< ops after which the host waits for the GPU; 0: never
  bool copies_outputs = false;   ///< model parallelism gathers every layer's output, and what is not a product runs on all ranks
  bool packs_gradients = false;  ///< tensor by tensor, into one buffer
  bool fuses = false;            ///< what works element by element is no kernel of its own
};
Framework framework_of(const std::string& words);

/// The first number of the version of cuDNN in words, as "cuDNN 7.0.5", "CuDNN[R4]-fp16" or "cudnn v5.1"; 0 when none is named.
int cudnn_version(const std::string& words);

}  // namespace convoy
