/// The compute ops that make payloads of gradients and gradients of payloads, for plans whose gradients travel compressed.
#pragma once

#include "reference/plans/plan.h"

namespace convoy {

/// The buffer of a rank with what its payloads have left behind.
inline constexpr const char* kCompressionError = "compression_error";

/// Throws an InputError when Plan::compression asks for what does not exist.
void check_compression(const Compression& compression);

/// Words of 32 bits in the payload of so many gradients; core/payload.h has the format.
std::int64_t payload_words(const Compression& compression, std::int64_t count);

/// Whether a rank keeps what its payloads leave behind, an element for each gradient.
bool leaves_errors(const Compression& compression);

/// payload = gradients; with errors, the largest of error + gradients, and what is left is the error. The regions are of the
/// program's buffers; `error` counts where leaves_errors().
Compute compress_op(const Compression& compression, const Program& program, const Region& gradients, const Region& payload,
                    const Region& error);

/// gradients = sum of the payloads, which have so many pairs or elements together.
Compute decompress_op(const Program& program, const Region& payloads, const Region& gradients, double elements);

/// The pairs (top_k) or elements (int8) in the payload of so many gradients.
double payload_elements(const Compression& compression, std::int64_t count);

}  // namespace convoy
