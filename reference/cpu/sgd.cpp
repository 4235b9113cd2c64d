#include "reference/cpu/checks.h"
#include "reference/cpu/kernels.h"
#include "reference/cpu/parallel.h"

namespace convoy::cpu {

void sgd_update(std::span<float> w, std::span<const float> dw, std::span<float> momentum, const SgdSettings& settings) {
  check_sgd("sgd_update", w.size(), dw.size(), momentum.size(), settings.momentum);
  const auto rate = static_cast<float>(settings.learning_rate);
  const auto mu = static_cast<float>(settings.momentum);
  const auto decay = static_cast<float>(settings.weight_decay);
  const bool nesterov = settings.nesterov;
  const auto scale = static_cast<float>(settings.scale);
  parallel_slices(static_cast<std::int64_t>(w.size()), kElementGrain, [&](Slice slice) {
    float* weight = w.data() + slice.offset;
    const float* gradient = dw.data() + slice.offset;
    if (momentum.empty()) {
      for (std::int64_t i = 0; i < slice.count; ++i) weight[i] -= rate * (scale * (gradient[i] + decay * weight[i]));
      return;
    }
    float* velocity = momentum.data() + slice.offset;
    for (std::int64_t i = 0; i < slice.count; ++i) {
      const float g = scale * (gradient[i] + decay * weight[i]);
      const float v = mu * velocity[i] + g;
      velocity[i] = v;
      weight[i] -= rate * (nesterov ? g + mu * v : v);
    }
  });
}

}  // namespace convoy::cpu
