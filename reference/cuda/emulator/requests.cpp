#include "reference/cuda/emulator/requests.h"

#include <algorithm>

namespace convoy::cuda::emulator {
namespace {

constexpr int kBankBytes = 4;

/// A sorted list without duplicates, on the stack: a request has 32 lanes of up to 16 bytes.
template <std::size_t N>
struct Distinct {
  std::array<std::uintptr_t, N> values;
  int count = 0;
  void add(std::uintptr_t value) { values[static_cast<std::size_t>(count++)] = value; }
  void finish() {
    std::sort(values.begin(), values.begin() + count);
    count = static_cast<int>(std::unique(values.begin(), values.begin() + count) - values.begin());
  }
};

template <class Visit>
void for_each_lane(std::uint32_t lanes, const Visit& visit) {
  for (; lanes != 0; lanes &= lanes - 1) visit(static_cast<std::size_t>(__builtin_ctz(lanes)));
}

}  // namespace

Requests::Site& Requests::site_of(const Access& access, bool shared) {
  const std::uintptr_t key =
      reinterpret_cast<std::uintptr_t>(access.place) * 4 + (access.store ? 2U : 0U) + (shared ? 1U : 0U);
  Recent& recent = recent_[(key >> 3) % recent_.size()];
  if (recent.key == key) return sites_[recent.site];
  const auto [found, is_new] = index_.try_emplace(key, sites_.size());
  if (is_new) {
    Site& site = sites_.emplace_back();
    site.total.place = access.place;
    site.total.counts.store = access.store;
    site.total.counts.shared = shared;
  }
  recent = {key, found->second};
  return sites_[found->second];
}

void Requests::add(const Access& access, int lane, bool shared) {
  Site& site = site_of(access, shared);
  if (site.used == 0) touched_.push_back(static_cast<std::size_t>(&site - sites_.data()));
  const std::size_t visit = site.visits[static_cast<std::size_t>(lane)]++;
  if (visit >= site.open.size()) site.open.resize(std::max<std::size_t>(visit + 1, site.open.size() * 2));
  for (; site.used <= visit; ++site.used) site.open[site.used].lanes = 0;
  Request& request = site.open[visit];
  request.lanes |= 1U << lane;
  request.bytes = access.bytes;
  request.address[static_cast<std::size_t>(lane)] = access.address;
}

void Requests::count(Site& site, const Request& request, Counts& counts) {
  PlaceCounts& place = site.total.counts;
  ++place.requests;
  if (place.first.empty() && request.lanes == 0xffffffffU) {
    const std::uintptr_t lowest = *std::min_element(request.address.begin(), request.address.end());
    for (const std::uintptr_t address : request.address) place.first.push_back(static_cast<std::int64_t>(address - lowest));
  }
  if (!place.shared) {
    Distinct<2 * kWarp> sectors;
    for_each_lane(request.lanes, [&](std::size_t lane) {
      const std::uintptr_t first = request.address[lane] / kSector_bytes;
      const std::uintptr_t last = (request.address[lane] + static_cast<unsigned>(request.bytes) - 1) / kSector_bytes;
      sectors.add(first);
      if (last != first) sectors.add(last);
    });
    sectors.finish();
    Traffic& traffic = place.store ? counts.stores : counts.loads;
    traffic += {1, sectors.count, std::int64_t{__builtin_popcount(request.lanes)} * request.bytes};
    place.transactions += sectors.count;
    return;
  }
  ++counts.shared_requests;
  // Wider accesses go in several turns of fewer lanes each: 16 lanes of 8 bytes, 8 of 16.
  const int words = std::max(1, request.bytes / kBankBytes);
  const int lanes_a_turn = kWarp / words;
  for (int first = 0; first < kWarp; first += lanes_a_turn) {
    Distinct<kWarp> different;
    for (int lane = first; lane < first + lanes_a_turn; ++lane)
      if ((request.lanes >> lane & 1U) != 0)
        for (int w = 0; w < words; ++w)
          different.add(request.address[static_cast<std::size_t>(lane)] / kBankBytes + static_cast<unsigned>(w));
    different.finish();
    std::array<int, kBanks> in_bank{};
    int turns = 0;
    for (int i = 0; i < different.count; ++i)
      turns = std::max(turns, ++in_bank[different.values[static_cast<std::size_t>(i)] % kBanks]);
    if (turns > 1) {
      counts.bank_conflicts += turns - 1;
      place.bank_conflicts += turns - 1;
    }
  }
}

void Requests::flush(Counts& counts) {
  for (const std::size_t index : touched_) {
    Site& site = sites_[index];
    for (std::size_t i = 0; i < site.used; ++i) count(site, site.open[i], counts);
    site.used = 0;
    site.visits.fill(0);
  }
  touched_.clear();
}

std::vector<Requests::Place> Requests::places() const {
  std::vector<Place> all;
  for (const Site& site : sites_) all.push_back(site.total);
  return all;
}

void Requests::clear() {
  index_.clear();
  sites_.clear();
  touched_.clear();
  recent_.fill({});
}

}  // namespace convoy::cuda::emulator
