/// The exercise of lesson 2.
#pragma once

#include <cstdint>
#include <vector>

namespace convoy::lesson {

/// What each rank must multiply its loss by, so that shards of any size give the gradient of the mean over all images.
///
/// The library works like PyTorch's DistributedDataParallel: the loss of a rank is the *mean* over its own images, and after the
/// backward pass the gradients are *averaged* over all ranks, those without an image included; their gradient is 0.
/// images[r]: images of rank r, may be 0. Returns one factor for each rank; what it is for a rank without an image does not
/// matter.
std::vector<double> loss_factors(const std::vector<std::int64_t>& images);

}  // namespace convoy::lesson
