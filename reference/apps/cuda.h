/// The GPU of this program, when it was built with CUDA, and the option that asks for it.
#pragma once

#include "reference/apps/options.h"
#include "reference/train/device_backend.h"

namespace convoy {

/// Chooses the first GPU and gives its backend. Throws InputError, one sentence, when this was built without CUDA, or when there
/// is no driver, no device, or its chip is too old.
const DeviceBackend& use_cuda();

/// Adds --backend.
void add_backend_option(Verb& verb, std::string& backend);
/// Whether that is cuda; throws InputError when it is nothing known.
bool is_cuda(const std::string& backend);
/// What is different when a GPU computes: it is one rank, of a named plan. Sets that, and chooses the GPU. Throws InputError as
/// use_cuda(), and when something else was asked for. Layers then run as they were written, in nchw, which is left to the caller.
void prepare_cuda(const PlanWords& plan, TransportOptions& ranks);

}  // namespace convoy
