/// Requests: the accesses of a warp's lanes put together into what the hardware would be asked for.
#pragma once

#include <array>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "reference/cuda/emulator/emulator.h"

namespace convoy::cuda::emulator {

struct Moment;

/// One access of one lane.
struct Access {
  std::uintptr_t address = 0;
  int bytes = 0;
  bool store = false;
  const void* place = nullptr;    ///< return address of the hook
  const Moment* asked = nullptr;  ///< by tensor cores, which make no request of a warp: when they were asked for it
};

/// Collects the accesses of one warp at a time. Lanes that are at a place for the same time since begin belong together.
class Requests {
 public:
  void add(const Access& access, int lane, bool shared);
  /// Counts what was collected, and begins again: the warp waits at a barrier or has ended.
  void flush(Counts& counts);

  /// What flush() has counted by place, in the order of their first access.
  struct Place {
    const void* place = nullptr;
    PlaceCounts counts;
  };
  [[nodiscard]] std::vector<Place> places() const;
  void clear();

 private:
  struct Request {
    std::uint32_t lanes = 0;  ///< bits
    int bytes = 0;
    std::array<std::uintptr_t, kWarp> address{};
  };
  struct Site {
    Place total;
    std::array<std::uint32_t, kWarp> visits{};
    std::vector<Request> open;
    std::size_t used = 0;
  };
  Site& site_of(const Access& access, bool shared);
  void count(Site& site, const Request& request, Counts& counts);

  std::unordered_map<std::uintptr_t, std::size_t> index_;
  std::vector<Site> sites_;
  std::vector<std::size_t> touched_;
  struct Recent {
    std::uintptr_t key = 0;
    std::size_t site = 0;
  };
  std::array<Recent, 64> recent_{};  ///< saves looking most of them up
};

}  // namespace convoy::cuda::emulator
