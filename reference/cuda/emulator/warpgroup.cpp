// wgmma for the emulator, from the PTX ISA and not from the kernels: descriptors are taken apart, and addresses are swizzled by their
// bits, as the hardware does it. One shape, m64n64k8 in tf32, and one layout, K-major with the swizzle of 128 bytes.
//
// Nothing is multiplied before warpgroup_wait(): who reads the sums earlier, or writes the tiles, is found out, and who forgets
// warpgroup_publish() as well (Session::is_published). The time is not modelled.
#include "reference/core/error.h"
#include "reference/cuda/emulator/device.h"
#include "reference/cuda/emulator/session.h"

namespace convoy::cuda::emulator {
namespace {

constexpr int kGroup = 4 * kWarp;
constexpr std::uint32_t kAddressBits = 18;
constexpr std::uint32_t kMask = (1U << kAddressBits) - 1;

/// Field of a descriptor.
std::uint32_t field(std::uint64_t descriptor, int from, int bits) {
  return static_cast<std::uint32_t>(descriptor >> from & ((std::uint64_t{1} << bits) - 1));
}

/// What tensor cores see of a float.
float as_tf32(float value) {
  std::uint32_t bits = 0;
  __builtin_memcpy(&bits, &value, sizeof(bits));
  bits &= ~0x1fffU;
  __builtin_memcpy(&value, &bits, sizeof(bits));
  return value;
}

}  // namespace

#define HERE __builtin_return_address(0)

std::uint32_t shared_address(const void* at) { return session().shared_address(at); }

void warpgroup_publish() { session().publish(HERE); }

void warpgroup_begin(float (&)[32]) { session().wait_for_warp(kAllLanes, 0, HERE); }

void warpgroup_multiply(float (&d)[32], std::uint64_t a, std::uint64_t b) {
  session().wait_for_warp(kAllLanes, 0, HERE);
  session().ask_to_multiply(d, a, b, HERE);
}

void warpgroup_commit() { session().wait_for_warp(kAllLanes, 0, HERE); }

void warpgroup_wait(float (&)[32]) {
  session().wait_for_warp(kAllLanes, 0, HERE);
  session().multiply();
}

std::uint32_t Session::shared_address(const void* at) {
  window_ = reinterpret_cast<std::uintptr_t>(at);
  return static_cast<std::uint32_t>(window_) & kMask;
}

void Session::publish(const void* place) { threads_[static_cast<std::size_t>(current_)].publishes.push_back(now(place, false)); }

void Session::ask_to_multiply(float* d, std::uint64_t a, std::uint64_t b, const void* place) {
  threads_[static_cast<std::size_t>(current_)].multiplications.push_back({d, a, b, now(place, false)});
}

/// Tensor cores read shared memory by another way than threads write it: between the two must lie a fence of the writer and a barrier,
/// or a barrier and a fence of the one who asks (PTX ISA, memory consistency model: proxies).
bool Session::is_published(const Moment& write, const Moment& asked) const {
  if (write.thread == asked.thread) return write.publishes < asked.publishes;
  const auto next = static_cast<std::size_t>(write.publishes), own = static_cast<std::size_t>(asked.publishes);
  const std::vector<Moment>& of_writer = threads_[static_cast<std::size_t>(write.thread)].publishes;
  const std::vector<Moment>& of_asker = threads_[static_cast<std::size_t>(asked.thread)].publishes;
  return (next < of_writer.size() && barrier_between(of_writer[next], asked)) || (own > 0 && barrier_between(write, of_asker[own - 1]));
}

/// What was written last where tensor cores read, when they may not see it; null when they do. What is in no order at all is a race.
const Moment* Session::unpublished(Shadow& shadow, std::int64_t offset, const Access& access) const {
  const Moment& asked = *access.asked;
  const int granule = shadow.granule_bytes();
  for (std::int64_t i = offset - offset % granule; i < offset + access.bytes; i += granule) {
    const Moment& write = shadow.cell(i).write;
    const bool in_order = write.block == asked.block && (write.thread == asked.thread || barrier_between(write, asked));
    if (in_order && !is_published(write, asked)) return &write;
  }
  return nullptr;
}

/// Number (row, k) of the matrix that a descriptor describes.
float Session::element(std::uint64_t descriptor, int row, int k, const Moment& asked) {
  const std::uint32_t begin = field(descriptor, 0, 14) << 4, eight_rows = field(descriptor, 32, 14) << 4;
  const auto in_rows = static_cast<std::uint32_t>(row / 8) * eight_rows + static_cast<std::uint32_t>(row % 8 * 128 + k * 4);
  std::uint32_t address = begin + in_rows;
  address ^= (address >> 7 & 7U) << 4;
  // The real address whose last bits these are and that is nearest to the window.
  std::int64_t distance = static_cast<std::int64_t>(address & kMask) - static_cast<std::int64_t>(window_ & kMask);
  if (distance >= std::int64_t{1} << (kAddressBits - 1)) distance -= std::int64_t{1} << kAddressBits;
  if (distance < -(std::int64_t{1} << (kAddressBits - 1))) distance += std::int64_t{1} << kAddressBits;
  const std::uintptr_t real = window_ + static_cast<std::uintptr_t>(distance);
  access({real, sizeof(float), false, asked.place, &asked}, false);
  return as_tf32(*reinterpret_cast<const float*>(real));
}

void Session::multiply() {
  Thread& me = threads_[static_cast<std::size_t>(current_)];
  const int g = lane() / 4, t = lane() % 4, first_row = current_ % kGroup / kWarp * 16;
  for (const Multiplication& m : me.multiplications) {
    for (const std::uint64_t descriptor : {m.a, m.b})
      if (field(descriptor, 62, 2) != 1 || field(descriptor, 49, 3) != 0) {
        note(Fault::misaligned, m.asked.place, who("gives") + " a descriptor of another layout than K-major with the swizzle of 128 bytes");
        abandon();
      }
    for (int half = 0; half < 2; ++half) {
      float left[8];
      for (int k = 0; k < 8; ++k) left[k] = element(m.a, first_row + g + 8 * half, k, m.asked);
      for (int j = 0; j < 8; ++j)
        for (int e = 0; e < 2; ++e)
          for (int k = 0; k < 8; ++k) m.d[4 * j + 2 * half + e] += left[k] * element(m.b, 8 * j + 2 * t + e, k, m.asked);
    }
  }
  me.multiplications.clear();
}

}  // namespace convoy::cuda::emulator
