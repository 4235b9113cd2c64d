/// Session: everything the emulator knows. One for each host thread.
#pragma once

#include <array>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "reference/cuda/emulator/fibres.h"
#include "reference/cuda/emulator/image.h"
#include "reference/cuda/emulator/memory.h"
#include "reference/cuda/emulator/requests.h"

namespace convoy::cuda::emulator {

/// What a thread of the block is doing.
enum class Doing { running, at_barrier, at_warp, over };

/// A multiplication of a warpgroup that a thread has asked for and not waited for.
struct Multiplication {
  float* d;
  std::uint64_t a, b;  ///< descriptors
  Moment asked;
};

struct Thread {
  Extent index;
  Doing doing = Doing::over;
  const void* place = nullptr;  ///< of the barrier it is at
  unsigned mask = 0;            ///< of the warp barrier it is at
  std::uint64_t gives = 0;      ///< to the other lanes of the mask
  std::array<std::uint64_t, kWarp> got{};
  std::vector<Multiplication> multiplications;
  std::vector<Moment> publishes;  ///< warpgroup_publish() in this block
};

/// A problem under way: places are looked up when somebody asks.
struct Note {
  Fault fault{};
  const void* place = nullptr;
  std::string before, after;          ///< of the other place in the sentence
  const void* other = nullptr;        ///< the other place; null when there is none
  std::int64_t times = 0;
};

class Session {
 public:
  void launch(const std::string& kernel, Extent grid, Extent block, void (*thread)(void*), void* argument);
  Report report(bool places);
  Memory& memory() { return memory_; }

  /// One access of the running thread, by the hooks. `atomic` ones are a read and a write.
  void access(Access access, bool atomic);
  /// Whether a kernel is running on this host thread.
  [[nodiscard]] bool running() const { return inside_; }

  // ---- for device.h, from inside of a fibre
  [[nodiscard]] const Thread& me() const { return threads_[static_cast<std::size_t>(current_)]; }
  [[nodiscard]] int lane() const { return current_ % kWarp; }
  [[nodiscard]] Extent block_index() const { return block_index_; }
  [[nodiscard]] Extent block_extent() const { return block_; }
  [[nodiscard]] Extent grid_extent() const { return grid_; }
  void wait_for_block(const void* place);
  /// Gives a value to the lanes of the mask and returns when all have. What they gave is then in me().got.
  void wait_for_warp(unsigned mask, std::uint64_t gives, const void* place);
  void count_atomic() { ++counts_.atomics; }

  // ---- warpgroups: warpgroup.cpp
  /// The last 18 bits of an address in a shared variable, which is then the one that descriptors point into.
  std::uint32_t shared_address(const void* at);
  void publish(const void* place);
  void ask_to_multiply(float* d, std::uint64_t a, std::uint64_t b, const void* place);
  /// Does what the running thread has asked for.
  void multiply();

 private:
  static void body(int index);
  void run_block();
  void run_warp(int warp);
  bool release_warp(int warp);
  void release_block();
  void give_up_warp(int warp);
  [[nodiscard]] int threads_of_warp(int warp) const;
  [[nodiscard]] Moment now(const void* place, bool atomic) const;
  void look_at(const Access& access, bool atomic);
  void access_global(Allocation& allocation, const Access& access, bool atomic);
  void access_variable(int variable, const Access& access, bool atomic);
  template <class Name>
  void look_for_race(Shadow& shadow, std::int64_t offset, const Access& access, bool atomic, std::uint32_t since, const Name& name);
  void note(Fault fault, const void* place, const std::string& before, const void* other = nullptr, const std::string& after = "");
  [[nodiscard]] std::string who(const char* verb) const;
  void abandon();
  [[nodiscard]] bool is_published(const Moment& write, const Moment& asked) const;
  const Moment* unpublished(Shadow& shadow, std::int64_t offset, const Access& access) const;
  float element(std::uint64_t descriptor, int row, int k, const Moment& asked);

  Image image_;
  Memory memory_;
  Requests requests_;
  Fibres fibres_;
  std::map<int, Shadow> variables_;  ///< of the shared variables that were touched, by their index in the image
  std::vector<Thread> threads_ = std::vector<Thread>(kMostThreads);

  void (*thread_)(void*) = nullptr;
  void* argument_ = nullptr;
  Extent grid_, block_, block_index_;
  int count_ = 0;    ///< threads of the block
  int current_ = 0;  ///< the thread that runs
  bool inside_ = false;
  bool abandoned_ = false;
  std::uintptr_t host_stack_ = 0;
  std::uintptr_t window_ = 0;  ///< what shared_address() was asked for last
  std::uint32_t interval_ = 0, block_number_ = 0, launch_block_ = 0;
  std::array<std::uint32_t, kMostThreads / kWarp> warp_interval_{};

  Counts counts_;
  std::vector<std::string> kernels_;
  std::map<std::pair<Fault, const void*>, Note> notes_;
  std::vector<std::pair<Fault, const void*>> order_;
};

/// The one of this host thread.
Session& session();

}  // namespace convoy::cuda::emulator
