/// The executor for a device, on one that does nothing when it is asked to, but later, in any order that its streams and waits allow.
#include "reference/exec/device.h"

#include <deque>
#include <exception>
#include <map>

#include "reference/core/random.h"
#include "tests/catch.h"
#include "tests/schedule/hand_made.h"

using namespace convoy;
using namespace convoy::tests;

namespace {

/// Work that was asked for lies in queues, one for each stream. When the host waits, a stream is drawn at random again and again and
/// does its next piece of work. Waits know marks by how often they have been made.
class LazyDevice {
 public:
  explicit LazyDevice(std::uint64_t seed, bool heeds_waits = true) : random_(seed), heeds_waits_(heeds_waits) {}

  DeviceStreams streams() {
    return {.use = [this](int stream) { current_ = stream; },
            .mark = [this](int event) { ask({.mark = event, .turn = ++made_[event]}); },
            .wait = [this](int event) { ask({.wait = event, .turn = made_[event]}); },
            .reached_s = [this](int event) { return when_reached(event); }};
  }
  [[nodiscard]] int current() const { return current_; }
  /// Waits for a mark that nobody will make.
  void wait_for_one_more(int event) { ask({.wait = event, .turn = made_[event] + 1}); }
  void work(std::function<void()> what) { ask({.what = std::move(what)}); }
  /// From now on it works while it is asked for more, as a GPU does, and says at the next call of any kind what failed.
  void work_ahead() { works_ahead_ = true; }

 private:
  struct Piece {
    std::function<void()> what = {};
    int mark = -1, wait = -1;
    int turn = 0;  ///< how often the mark had been made
  };
  void ask(Piece piece) {
    queues_[current_].push_back(std::move(piece));
    if (!works_ahead_) return;
    try {
      for (std::int64_t i = random_.below(4); i > 0 && !failure_; --i) step();
    } catch (...) {
      failure_ = std::current_exception();
      return;
    }
    if (failure_) std::rethrow_exception(failure_);
  }

  bool can_begin(const Piece& piece) { return piece.wait < 0 || !heeds_waits_ || reached_[piece.wait].first >= piece.turn; }
  /// Does one piece of work. Returns false when no stream can go on.
  bool step() {
    std::vector<int> ready;
    for (const auto& [stream, queue] : queues_)
      if (!queue.empty() && can_begin(queue.front())) ready.push_back(stream);
    if (ready.empty()) return false;
    auto& queue = queues_[ready[static_cast<std::size_t>(random_.below(std::ssize(ready)))]];
    const Piece piece = std::move(queue.front());
    queue.pop_front();
    now_s_ += 1;
    if (piece.what) piece.what();
    if (piece.mark >= 0) reached_[piece.mark] = {piece.turn, now_s_};
    return true;
  }
  double when_reached(int event) {
    if (failure_) std::rethrow_exception(failure_);
    while (reached_[event].first < made_[event])
      if (!step()) throw std::runtime_error("the device stands still");
    return reached_[event].second - reached_[0].second;
  }

  Random random_;
  bool heeds_waits_, works_ahead_ = false;
  std::exception_ptr failure_;
  int current_ = 0;
  double now_s_ = 0;
  std::map<int, std::deque<Piece>> queues_;
  std::map<int, int> made_;
  std::map<int, std::pair<int, double>> reached_;
};

/// a += (2 i)(i + 3), by way of b = i on stream 0, c = 2 b on stream 1 and d = b + 3 on stream 2.
Schedule fork_and_join() {
  Schedule schedule = empty_schedule(1, 4);
  Program& program = schedule.programs.front();
  for (const char* name : {"c", "d"}) program.buffers.push_back({name, BufferKind::workspace, DType::f32, {1, 4, 1, 1}});
  const auto all = [&](int buffer) { return all_of(program, buffer); };
  program.ops = {compute_op("number", {{Role::y, Access::write, all(1)}}),
                 compute_op("double", {{Role::x, Access::read, all(1)}, {Role::y, Access::write, all(2)}}, {0}, 1),
                 compute_op("add", {{Role::x, Access::read, all(1)}, {Role::y, Access::write, all(3)}}, {0}, 2),
                 compute_op("join", {{Role::x, Access::read, all(2)}, {Role::x, Access::read, all(3)}, {Role::y, Access::update, all(0)}},
                            {1, 2})};
  return schedule;
}

/// What a ends up as after some iterations.
float run(const Schedule& schedule, LazyDevice& device, int iterations, Timeline* timeline = nullptr) {
  RankMemory memory;
  const ComputeFn compute = [&](const ComputeCall& call) {
    const std::string name = call.op.name;
    const auto number = static_cast<float>(call.iteration + 1);
    const auto at = [&memory](int buffer) { return memory.at<float>({buffer, {0, 4}}); };
    device.work([=] {
      for (int i = 0; i < 4; ++i) {
        if (name == "number") at(1)[i] = number;
        if (name == "double") at(2)[i] = 2 * at(1)[i];
        if (name == "add") at(3)[i] = at(1)[i] + 3;
        if (name == "join") at(0)[i] += at(2)[i] * at(3)[i];
      }
    });
  };
  const Timeline got = run_on_device(schedule, iterations, memory, compute, {}, device.streams());
  if (timeline != nullptr) *timeline = got;
  return *memory.at<float>({0, {0, 4}});
}

std::string what_is_said(const std::function<void()>& fails) {
  try {
    fails();
  } catch (const std::exception& error) {
    return error.what();
  }
  return "nothing was thrown";
}

}  // namespace

TEST_CASE("streams and waits order a device, whatever it does first") {
  const Schedule schedule = fork_and_join();
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    LazyDevice device(seed);
    Timeline timeline;
    REQUIRE(run(schedule, device, 3, &timeline) == 2 * 1 * 4 + 2 * 2 * 5 + 2 * 3 * 6);
    REQUIRE(check_timeline(schedule, 3, timeline).empty());
  }
}

TEST_CASE("on a device that heeds no waits the same run comes out wrong") {
  int wrong = 0;
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    LazyDevice device(seed, false);
    if (run(fork_and_join(), device, 3) != 2 * 1 * 4 + 2 * 2 * 5 + 2 * 3 * 6) ++wrong;
  }
  REQUIRE(wrong > 25);
}

TEST_CASE("streams of a device overlap from the second step on") {
  int overlaps = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    LazyDevice device(seed);
    Timeline timeline;
    run(fork_and_join(), device, 2, &timeline);
    REQUIRE(timeline.intervals[1].end_s < timeline.intervals[2].start_s);  // op by op
    const Interval& left = timeline.intervals[4 + 1];
    const Interval& right = timeline.intervals[4 + 2];
    if (left.start_s < right.end_s && right.start_s < left.end_s) ++overlaps;
  }
  REQUIRE(overlaps > 5);
}

TEST_CASE("a device that stands still or fails from the beginning says at which op") {
  const Schedule schedule = fork_and_join();
  RankMemory memory;
  LazyDevice device(1);
  DeviceStreams streams = device.streams();
  streams.wait = [&](int event) { device.wait_for_one_more(event); };
  const ComputeFn nothing = [](const ComputeCall&) {};
  REQUIRE(what_is_said([&] { run_on_device(schedule, 1, memory, nothing, {}, streams); }) ==
          "iteration 0, op 1 (double): the device stands still");
  LazyDevice other(1);
  streams = other.streams();
  streams.reached_s = [](int) -> double { throw std::runtime_error("broken kernel"); };
  REQUIRE(what_is_said([&] { run_on_device(schedule, 1, memory, nothing, {}, streams); }) ==
          "iteration 0, op 0 (number): broken kernel");
}

TEST_CASE("a kernel that fails while it runs is named in the first step, and later one that comes no later than it") {
  const Schedule schedule = fork_and_join();
  const std::vector<Op>& ops = schedule.programs.front().ops;
  for (std::size_t failing = 0; failing < ops.size(); ++failing)
    for (const int step : {0, 2})
      for (std::uint64_t seed = 1; seed <= 10; ++seed) {
        RankMemory memory;
        LazyDevice device(seed);
        const ComputeFn compute = [&](const ComputeCall& call) {
          const bool fails = call.iteration == step && call.op.name == ops[failing].name;
          device.work([fails] {
            if (fails) throw std::runtime_error("broken kernel");
          });
        };
        const std::string said = what_is_said([&] { run_on_device(schedule, 4, memory, compute, {}, device.streams()); });
        INFO(said);
        bool named = false;
        for (std::size_t i = step == 0 ? failing : 0; i <= failing; ++i)
          named = named || said == cat("iteration ", step, ", op ", i, " (", ops[i].name, ")", step == 0 ? "" : " or one behind it", ": broken kernel");
        REQUIRE(named);
        REQUIRE(device.current() == kComputeStream);
      }
}

TEST_CASE("a device that works ahead says at a later op that one failed, and the message says so") {
  const Schedule schedule = fork_and_join();
  const std::vector<Op>& ops = schedule.programs.front().ops;
  int before = 0, behind = 0;
  for (std::size_t failing = 0; failing < ops.size(); ++failing)
    for (const bool op_by_op : {true, false})
      for (const int step : {0, 2})
        for (std::uint64_t seed = 1; seed <= 20; ++seed) {
          RankMemory memory;
          LazyDevice device(seed);
          device.work_ahead();
          const ComputeFn compute = [&](const ComputeCall& call) {
            const bool fails = call.iteration == step && call.op.name == ops[failing].name;
            device.work([fails] {
              if (fails) throw std::runtime_error("broken kernel");
            });
          };
          const std::string said =
              what_is_said([&] { run_on_device(schedule, 4, memory, compute, {.first_op_by_op = op_by_op}, device.streams()); });
          const auto says = [&](std::size_t op, const char* where) {
            return said == cat("iteration ", step, ", op ", op, " (", ops[op].name, ")", where, ": broken kernel");
          };
          INFO(said);
          if (op_by_op && step == 0) {
            REQUIRE(says(failing, ""));
            continue;
          }
          bool named = false;
          for (std::size_t i = 0; i < ops.size(); ++i) {
            const bool later = says(i, " or one before it"), earlier = says(i, " or one behind it");
            named = named || (later && failing <= i) || (earlier && failing >= i);
            before += later ? 1 : 0;
            behind += earlier ? 1 : 0;
          }
          REQUIRE(named);
        }
  REQUIRE(before > 5);
  REQUIRE(behind > 5);
}

TEST_CASE("an op that fails as it is asked for is named, and a limit stays one") {
  const Schedule schedule = fork_and_join();
  RankMemory memory;
  LazyDevice device(1);
  const ComputeFn broken = [](const ComputeCall& call) {
    if (call.op.name == "add") throw std::runtime_error("bad launch");
  };
  REQUIRE(what_is_said([&] { run_on_device(schedule, 1, memory, broken, {}, device.streams()); }) ==
          "iteration 0, op 2 (add): bad launch");
  REQUIRE(device.current() == kComputeStream);  // and not that of the op
  const ComputeFn full = [](const ComputeCall&) { throw LimitError("no room"); };
  REQUIRE_THROWS_AS(run_on_device(schedule, 1, memory, full, {}, device.streams()), LimitError);
}

TEST_CASE("a device takes one rank, which sends nothing") {
  RankMemory memory;
  LazyDevice device(1);
  const ComputeFn nothing = [](const ComputeCall&) {};
  REQUIRE_THROWS_AS(run_on_device(empty_schedule(2), 1, memory, nothing, {}, device.streams()), std::invalid_argument);
  Schedule sends = empty_schedule(1);
  sends.programs.front().ops = {exchange_op("send", Message{{0, 1}, all_of(sends.programs.front(), 0), 1}, {}, 1)};
  const std::string said = what_is_said([&] { run_on_device(sends, 1, memory, nothing, {.check = false}, device.streams()); });
  REQUIRE(said.find("there is one rank") != std::string::npos);
}
