#include "reference/core/units.h"
#include "simulator/cost/kernels.h"
#include "simulator/validate/step.h"

// A class layer behind an embedding, for recognition of faces: 512 numbers to 10^5 classes and more. Replicated, it is one linear
// layer more under data parallelism, whose gradients are as large as it is. Split by classes (Partial FC, An et al. 2021), every
// GPU has its classes for the images of all: embeddings are gathered, the loss needs sums over ranks of one number an image, and
// the gradients of the embeddings are reduced to the ranks they came from. With sampling, a step uses a part of the classes.

namespace convoy {
namespace {

constexpr double kEmbedding = 512;
/// Passes over the logits in single precision, each reading and writing them, for a softmax with a margin that is written out in
/// operators (github.com/deepinsight/insightface, partial_fc): conversion, clamp, margin, scale, maximum and exponential, sum and
/// quotient, gradient, conversion back.
constexpr double kLogitPasses = 8;
/// The same of the weights, each reading or writing them: they are normalised (norm 1, quotient 2; back 6) and updated (decay 2,
/// momentum 3, weights 3); those of sampled classes and their momentum are taken out of all and put back.
constexpr double kWeightPasses = 17;
constexpr double kSampledPasses = 8;

}  // namespace

void add_class_layer(StepTime& time, const MeasuredTask& task, const Setting& setting) {
  // The layer is outside of autocast there: features become single precision before it.
  const KernelMachine machine = kernel_machine(setting.hardware.device, *setting.hardware.gpu, "fp32");
  const bool split = task.split_classes;
  const double images = split ? task.global_batch : static_cast<double>(task.global_batch) / task.ranks;
  const double classes = task.classes * task.sampled / (split ? task.ranks : 1);
  const double weights = classes * kEmbedding;
  const double products_s = gemm_time_s({images, classes, kEmbedding}, machine) +
                            gemm_time_s({images, kEmbedding, classes}, machine) +
                            gemm_time_s({classes, kEmbedding, images}, machine);
  const double rate = streaming_bytes_per_s(machine);
  const double logits_s = kLogitPasses * 2 * 4 * images * classes / rate;
  const double update_s = weights * 4 * (kWeightPasses + (task.sampled < 1 ? kSampledPasses : 0)) / rate;
  const Placing placing{task.nodes, std::max(1, task.ranks / task.nodes)};
  const auto collective_s = [&](CollectiveKind kind, double bytes) {
    return task.ranks == 1 ? 0.0 : library_time(Library::nccl, kind, bytes, placing, setting.wiring).time_s;
  };
  const double communication_s = split ? collective_s(CollectiveKind::all_gather, 4 * images * kEmbedding) +
                                             collective_s(CollectiveKind::reduce_scatter, 4 * images * kEmbedding) +
                                             2 * collective_s(CollectiveKind::all_reduce, 4 * images)
                                       : collective_s(CollectiveKind::all_reduce, 4 * weights);
  const double compute_s = products_s + logits_s + update_s;
  // Gradients of a replicated layer are ready first, and travel while the network before it goes backward.
  const double hidden_s = split ? 0.0 : std::min(communication_s, time.backward_s);
  time.compute_s += compute_s;
  time.communication_s += communication_s;
  time.step_s += compute_s + communication_s - hidden_s;
}

}  // namespace convoy
