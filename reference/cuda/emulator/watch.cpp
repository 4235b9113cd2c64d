// What is looked at in every access of a kernel, and how it is said.
#include <pthread.h>

#include <algorithm>

#include "reference/core/error.h"
#include "reference/cuda/emulator/session.h"

namespace convoy::cuda::emulator {
namespace {

/// Where the stack of this host thread ends: arguments of launches lie on it.
std::uintptr_t stack_end() {
  pthread_attr_t attributes;
  void* low = nullptr;
  std::size_t bytes = 0;
  if (pthread_getattr_np(pthread_self(), &attributes) != 0) return ~std::uintptr_t{0};
  pthread_attr_getstack(&attributes, &low, &bytes);
  pthread_attr_destroy(&attributes);
  return reinterpret_cast<std::uintptr_t>(low) + bytes;
}

std::string triple(const Extent& e) { return cat("(", e.x, ",", e.y, ",", e.z, ")"); }

/// "x[1050], 26 elements behind the end of x, which has 1024 elements".
std::string name_in(const Allocation& a, std::uintptr_t address) {
  const std::int64_t offset = static_cast<std::int64_t>(address) - static_cast<std::int64_t>(a.begin);
  const std::int64_t element = offset >= 0 ? offset / a.element_bytes : -((-offset + a.element_bytes - 1) / a.element_bytes);
  const std::int64_t count = a.bytes / a.element_bytes;
  const std::string name = cat(a.name, "[", element, "]");
  if (element < 0) return cat(name, ", ", -element, " before the first element of ", a.name);
  if (offset >= a.bytes) return cat(name, ", ", element - count + 1, " behind the last element of ", a.name, ", which has ", count);
  return name;
}

}  // namespace

std::string Session::who(const char* verb) const {
  return cat("thread ", triple(me().index), " of block ", triple(block_index_), " ", verb);
}

Moment Session::now(const void* place, bool atomic) const {
  return {.interval = interval_,
          .warp_interval = warp_interval_[static_cast<std::size_t>(current_ / kWarp)],
          .block = block_number_,
          .thread = current_,
          .atomic = atomic,
          .publishes = static_cast<std::int32_t>(me().publishes.size()),
          .place = place};
}

void Session::note(Fault fault, const void* place, const std::string& before, const void* other, const std::string& after) {
  const std::pair<Fault, const void*> key{fault, place};
  Note& note = notes_[key];
  if (note.times++ > 0) return;
  note = {fault, place, before, after, other, 1};
  order_.push_back(key);
}

/// Among the blocks from number `since` on. `name` says what is touched, when somebody wants to know.
template <class Name>
void Session::look_for_race(Shadow& shadow, std::int64_t offset, const Access& access, bool atomic, std::uint32_t since, const Name& name) {
  const Moment moment = now(access.place, atomic);
  const int granule = shadow.granule_bytes();
  for (std::int64_t i = offset - offset % granule; i < offset + access.bytes; i += granule) {
    const std::optional<Moment> race = shadow.cell(i).touch(moment, access.store, since);
    if (!race) continue;
    const bool other_block = race->block != block_number_;
    const std::string other =
        other_block ? std::string("a thread of another block")
                    : cat("thread ", triple(threads_[static_cast<std::size_t>(race->thread)].index), " of the same block");
    note(Fault::race, access.place,
         cat(who(atomic ? "changes" : access.store ? "writes" : "reads"), " ", name(), ", which ", other, " touches at "), race->place,
         other_block ? "; nothing orders blocks" : "; no barrier lies between");
  }
}

// What is called from here may be functions of the standard library that the linker took from a kernel file, and that call the hooks
// themselves: meanwhile nothing is watched.
void Session::access(Access access, bool atomic) {
  inside_ = false;
  look_at(access, atomic);
  inside_ = true;
}

void Session::look_at(const Access& access, bool atomic) {
  const std::uintptr_t address = access.address;
  const auto stack = reinterpret_cast<std::uintptr_t>(fibres_.stack(current_));
  if (address >= stack && address < stack + kStack_bytes) return;  // the thread's own variables
  if (Allocation* allocation = memory_.find(address)) return access_global(*allocation, access, atomic);
  switch (image_.part_of(address)) {
    case Part::constants:
      if (!access.store) return;
      break;
    case Part::variables:
      if (const int variable = image_.variable_at(address); variable >= 0) return access_variable(variable, access, atomic);
      if (image_.variables().empty()) return;  // stripped: nothing is known
      note(Fault::out_of_bounds, access.place,
           cat(who(access.store ? "writes" : "reads"), " ", access.bytes, " bytes of memory beside all shared variables"));
      return;
    case Part::elsewhere: {
      static thread_local const std::uintptr_t end = stack_end();
      if (!access.store && address >= host_stack_ && address < end) return;  // arguments of the launch
      break;
    }
  }
  note(Fault::out_of_bounds, access.place,
       cat(who(access.store ? "writes" : "reads"), " ", access.bytes, " bytes far from all memory of the device; the launch ends here"));
  abandon();
}

void Session::access_global(Allocation& a, const Access& access, bool atomic) {
  const char* verb = atomic ? "changes" : access.store ? "writes" : "reads";
  if (!a.holds(access.address, access.bytes))
    return note(Fault::out_of_bounds, access.place, cat(who(verb), " ", name_in(a, access.address)));
  if (access.address % static_cast<std::uintptr_t>(access.bytes) != 0)
    note(Fault::misaligned, access.place,
         cat(who(verb), " ", access.bytes, " bytes at once at ", name_in(a, access.address), ", which is no multiple of that"));
  const auto offset = static_cast<std::int64_t>(access.address - a.begin);
  for (std::int64_t i = offset; i < offset + access.bytes; ++i) {
    std::uint8_t& written = a.written[static_cast<std::size_t>(i)];
    if (written == 0 && (!access.store || atomic)) {
      note(Fault::unwritten, access.place,
           cat(who(verb), " ", name_in(a, a.begin + static_cast<std::uintptr_t>(i)), ", which nothing has written"));
      break;
    }
    if (access.store) written = 1;
  }
  look_for_race(a.shadow, offset, access, atomic, launch_block_, [&] { return name_in(a, access.address); });
  if (!atomic) requests_.add(access, lane(), false);
}

void Session::access_variable(int variable, const Access& access, bool atomic) {
  const Variable& v = image_.variables()[static_cast<std::size_t>(variable)];
  const char* verb = atomic ? "changes" : access.store ? "writes" : "reads";
  const auto offset = static_cast<std::int64_t>(access.address - v.begin);
  const auto element = [&] { return cat(v.name, ", element ", offset / access.bytes, " (of ", access.bytes, " bytes)"); };
  if (access.address + static_cast<std::uintptr_t>(access.bytes) > v.end)
    return note(Fault::out_of_bounds, access.place, cat(who(verb), " over the end of ", element()));
  if (access.address % static_cast<std::uintptr_t>(access.bytes) != 0)
    note(Fault::misaligned, access.place, cat(who(verb), " ", element(), ", whose address is no multiple of that"));
  const auto [found, is_new] = variables_.try_emplace(variable);
  Shadow& shadow = found->second;
  if (is_new) shadow = Shadow(static_cast<std::int64_t>(v.end - v.begin), std::min(access.bytes, 4));
  if (!access.store || atomic) {
    for (std::int64_t i = offset; i < offset + access.bytes; i += shadow.granule_bytes())
      if (shadow.cell(i).write.block != block_number_) {
        note(Fault::unwritten, access.place, cat(who(verb), " ", element(), ", which no thread of this block has written"));
        break;
      }
  }
  look_for_race(shadow, offset, access, atomic, block_number_, element);
  if (access.asked != nullptr) {
    if (const Moment* write = unpublished(shadow, offset, access))
      note(Fault::fence, access.place,
           cat(who("lets tensor cores read"), " ", element(), ", which thread ",
               triple(threads_[static_cast<std::size_t>(write->thread)].index), " of the same block writes at "),
           write->place, "; no warpgroup_publish() lies between");
    return;
  }
  if (!atomic) requests_.add(access, lane(), true);
}

Report Session::report(bool places) {
  Report report{kernels_, counts_, {}, {}};
  std::vector<const void*> wanted;
  for (const auto& [key, note] : notes_) {
    wanted.push_back(note.place);
    if (note.other != nullptr) wanted.push_back(note.other);
  }
  const std::vector<Requests::Place> visited = places ? requests_.places() : std::vector<Requests::Place>{};
  for (const Requests::Place& place : visited) wanted.push_back(place.place);
  const auto lines = places_of(wanted);
  const auto line_of = [&](const void* place) {
    const auto found = lines.find(place);
    return found == lines.end() ? std::string("?") : found->second;
  };
  for (const auto& key : order_) {
    const Note& note = notes_.at(key);
    const std::string other = note.other != nullptr ? line_of(note.other) : "";
    report.problems.push_back({note.fault, line_of(note.place), note.before + other + note.after, note.times});
  }
  for (const Requests::Place& place : visited) {
    report.places.push_back(place.counts);
    report.places.back().place = line_of(place.place);
  }
  counts_ = {};
  kernels_.clear();
  notes_.clear();
  order_.clear();
  requests_.clear();
  return report;
}

}  // namespace convoy::cuda::emulator
