#include "reference/plans/compress_ops.h"

#include "reference/core/error.h"
#include "reference/core/payload.h"

namespace convoy {
namespace {

double bytes(const Program& program, const Region& region) { return static_cast<double>(region_bytes(program, region)); }

}  // namespace

void check_compression(const Compression& compression) {
  (void)compression_method(compression.method);
  if (compression.method == "top_k" && !(compression.keep > 0 && compression.keep <= 1))
    throw InputError("--compress top_k keeps a share of the gradients; use --keep 0.01, or any number above 0 and up to 1");
}

bool leaves_errors(const Compression& compression) { return compression.method == "top_k"; }

std::int64_t payload_words(const Compression& compression, std::int64_t count) {
  return compression.method == "top_k" ? top_k_words(kept_pairs(count, compression.keep)) : int8_words(count);
}

double payload_elements(const Compression& compression, std::int64_t count) {
  return static_cast<double>(compression.method == "top_k" ? kept_pairs(count, compression.keep) : count);
}

Compute compress_op(const Compression& compression, const Program& program, const Region& gradients, const Region& payload,
                    const Region& error) {
  const auto n = static_cast<double>(gradients.slice.count);
  Compute compress{ComputeKind::compress,
                   -1,
                   {{Role::gradients, Access::read, gradients}, {Role::payload, Access::write, payload}},
                   {4 * n, bytes(program, gradients), bytes(program, payload)}};
  if (!leaves_errors(compression)) return compress;
  compress.operands.push_back({Role::error, Access::update, error});
  compress.work += Work{n, bytes(program, error), bytes(program, error)};
  return compress;
}

Compute decompress_op(const Program& program, const Region& payloads, const Region& gradients, double elements) {
  return {ComputeKind::decompress,
          -1,
          {{Role::payload, Access::read, payloads}, {Role::gradients, Access::write, gradients}},
          {2 * elements, bytes(program, payloads), bytes(program, gradients)}};
}

}  // namespace convoy
