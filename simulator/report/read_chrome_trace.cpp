#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>

#include "reference/core/error.h"
#include "reference/io/json_fields.h"
#include "simulator/report/chrome_trace.h"
#include "simulator/report/trace.h"

namespace convoy {
namespace {

using nlohmann::json;

constexpr double kSecond_us = 1e6;

/// One complete event ("ph": "X") of a Chrome trace.
struct Event {
  std::string name;
  std::string category;
  std::string thread;  ///< process and thread, as text: some traces have numbers, some words
  double start_us = 0;
  double end_us = 0;
  std::int64_t correlation = -1;  ///< ties a kernel to the call that launched it
  bool step = false;
};

std::string text_at(const json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end()) return "";
  return found->is_string() ? found->get<std::string>() : found->dump(-1, ' ', false, json::error_handler_t::replace);
}

std::int64_t correlation_of(const json& event) {
  const auto args = event.find("args");
  if (args == event.end() || !args->is_object()) return -1;
  const auto found = args->find("correlation");
  return found != args->end() && found->is_number_integer() ? found->get<std::int64_t>() : -1;
}

/// The complete events; names of processes and threads go into `names`, by the thread's key.
std::vector<Event> events_of(const json& list, const std::string& file, std::map<std::string, std::string>& names) {
  std::vector<Event> events;
  std::map<std::string, std::string> processes;
  for (const json& event : list) {
    if (!event.is_object()) continue;
    const std::string kind = text_at(event, "ph");
    const std::string process = text_at(event, "pid");
    const std::string thread = cat(process, " ", text_at(event, "tid"));
    if (kind == "M" && event.contains("args") && event["args"].is_object()) {
      const std::string name = text_at(event["args"], "name");
      if (text_at(event, "name") == "process_name") processes.try_emplace(process, name);
      if (const std::string label = text_at(event["args"], "labels"); label.starts_with("GPU")) processes[process] = label;
      if (text_at(event, "name") == "thread_name") names[thread] = name;
    }
    if (kind != "X") continue;
    const auto start = event.find("ts");
    const auto length = event.find("dur");
    const bool timed = start != event.end() && start->is_number() && length != event.end() && length->is_number();
    if (!timed || !(length->get<double>() >= 0))
      throw InputError(
          cat(file, ": the event '", text_at(event, "name").substr(0, 60), "' has no time (\"ts\" and \"dur\" in microseconds)"));
    const double start_us = start->get<double>();
    events.push_back({text_at(event, "name"), text_at(event, "cat"), thread, start_us, start_us + length->get<double>(),
                      correlation_of(event)});
  }
  for (auto& [thread, name] : names) {
    const auto process = processes.find(thread.substr(0, thread.find(' ')));
    if (process != processes.end()) name = cat(process->second, " ", name);
  }
  return events;
}

bool begins(const std::string& name, std::initializer_list<std::string_view> words) {
  return std::any_of(words.begin(), words.end(), [&](std::string_view word) { return name.starts_with(word); });
}

/// The phase that a name of PyTorch's stands for, together with all that happens inside; nothing when it stands for none.
std::optional<Phase> phase_in(const std::string& name) {
  if (begins(name, {"Optimizer.", "DistributedDataParallel.step"})) return Phase::update;
  if (begins(name, {"autograd::engine::evaluate_function"})) return Phase::backward;
  if (begins(name, {"enumerate(DataLoader)", "Memcpy HtoD"})) return Phase::load;
  if (begins(name, {"nccl", "gloo:", "c10d::", "horovod", "ncclKernel", "ncclDevKernel"})) return Phase::all_reduce;
  return std::nullopt;
}

/// The spans of one thread that name a phase.
class Markers {
 public:
  void add(double start_us, double end_us, Phase phase) { spans_.push_back({start_us, end_us, phase, end_us}); }
  void sort() {
    std::sort(spans_.begin(), spans_.end(), [](const Span& a, const Span& b) { return a.start_us < b.start_us; });
    for (std::size_t i = 1; i < spans_.size(); ++i) spans_[i].latest_us = std::max(spans_[i].end_us, spans_[i - 1].latest_us);
  }
  /// The phase of the innermost span around a moment.
  [[nodiscard]] std::optional<Phase> at(double time_us) const {
    auto after = std::upper_bound(spans_.begin(), spans_.end(), time_us, [](double t, const Span& s) { return t < s.start_us; });
    while (after != spans_.begin()) {
      --after;
      if (after->latest_us < time_us) return std::nullopt;
      if (after->end_us >= time_us) return after->phase;
    }
    return std::nullopt;
  }

 private:
  struct Span {
    double start_us, end_us;
    Phase phase;
    double latest_us;  ///< end of this one and of all before it
  };
  std::vector<Span> spans_;
};

class Reader {
 public:
  Reader(const json& parsed, const std::string& file) : file_(file) {
    const json& list = parsed.is_array() ? parsed : parsed.contains("traceEvents") ? parsed["traceEvents"] : parsed;
    if (!list.is_array())
      throw InputError(cat(file,
                           ": no list of events (\"traceEvents\"); export a trace with torch.profiler's export_chrome_trace, or "
                           "with 'convoy simulate --trace FILE'"));
    events_ = events_of(list, file, names_);
    if (parsed.is_object() && parsed.contains("otherData") && parsed["otherData"].is_object())
      ours_ = text_at(parsed["otherData"], "tool") == "convoy";
    trace_.title = file;
  }

  Trace read() {
    if (ours_)
      take_ours();
    else
      take_foreign();
    if (trace_.spans.empty())
      throw InputError(
          cat(file_, ": no event in it has a length; was anything recorded? Of PyTorch, CPU or CUDA activities are needed"));
    finish();
    return std::move(trace_);
  }

 private:
  int lane_of(const Event& event) {
    const auto [found, fresh] = lanes_.try_emplace(event.thread, static_cast<int>(trace_.lanes.size()));
    if (fresh) {
      const std::string process = event.thread.substr(0, event.thread.find(' '));
      const auto [number, ignored] = processes_.try_emplace(process, static_cast<int>(processes_.size()));
      const auto name = names_.find(event.thread);
      std::string words = is_kernel(event) ? cat("GPU ", process, " stream", event.thread.substr(process.size())) : event.thread;
      if (name != names_.end()) words = name->second;
      trace_.lanes.push_back({number->second, std::move(words)});
    }
    return found->second;
  }
  void add(const Event& event, Phase phase) {
    trace_.spans.push_back({lane_of(event), event.start_us / kSecond_us, event.end_us / kSecond_us, phase, event.name});
  }
  void add_step(const Event& event) { trace_.steps.push_back({event.start_us / kSecond_us, event.end_us / kSecond_us}); }

  void take_ours() {
    for (const Event& event : events_) {
      if (event.category == "step") {
        add_step(event);
        continue;
      }
      if (event.category == kBubbleCategory) {
        (void)lane_of(event);  // the rank is there, also when it does nothing else
        continue;
      }
      Phase phase = Phase::other_communication;
      for (int i = 0; i < kPhaseCount; ++i)
        if (to_string(static_cast<Phase>(i)) == event.category) phase = static_cast<Phase>(i);
      add(event, phase);
    }
  }

  void take_foreign() {
    std::map<std::string, Markers> markers;
    std::map<std::int64_t, const Event*> launches;
    std::vector<const Event*> kernels;
    for (const Event& event : events_) {
      if (event.name.starts_with("ProfilerStep#")) {
        if (!event.category.starts_with("gpu")) add_step(event);
      } else if (is_kernel(event)) {
        kernels.push_back(&event);
      } else if (event.category.find("untime") != std::string::npos || event.category == "cuda_driver") {
        if (event.correlation >= 0) launches[event.correlation] = &event;
      }
      if (const auto phase = phase_in(event.name)) markers[event.thread].add(event.start_us, event.end_us, *phase);
    }
    for (auto& [thread, spans] : markers) spans.sort();
    if (!kernels.empty())
      take_kernels(kernels, launches, markers);
    else
      take_processor(markers);
  }

  static bool is_kernel(const Event& event) {
    const std::set<std::string> categories = {"kernel", "Kernel", "gpu_memcpy", "gpu_memset", "Memcpy", "Memset"};
    return categories.contains(event.category);
  }

  void take_kernels(const std::vector<const Event*>& kernels, const std::map<std::int64_t, const Event*>& launches,
                    const std::map<std::string, Markers>& markers) {
    for (const Event* kernel : kernels) {
      std::optional<Phase> named = phase_in(kernel->name), launched;
      const auto launch = launches.find(kernel->correlation);
      if (launch != launches.end()) {
        const auto marks = markers.find(launch->second->thread);
        if (marks != markers.end()) launched = marks->second.at(launch->second->start_us);
      }
      // A collective is one wherever it was launched; a copy to the GPU need not be of images.
      add(*kernel, named == Phase::all_reduce ? *named : launched.value_or(named.value_or(Phase::forward)));
    }
  }

  /// PyTorch built without Kineto, as Debian's is, says of no event what it is.
  static bool is_operator(const Event& event) {
    if (event.category.empty()) return !event.name.starts_with("ProfilerStep#");
    return event.category == "cpu_op" || event.category == "Operator";
  }

  /// Without a GPU: the outermost operators of every thread.
  void take_processor(const std::map<std::string, Markers>& markers) {
    std::vector<const Event*> ops;
    for (const Event& event : events_)
      if (is_operator(event) || phase_in(event.name)) ops.push_back(&event);
    std::stable_sort(ops.begin(), ops.end(), [](const Event* a, const Event* b) {
      return a->start_us != b->start_us ? a->start_us < b->start_us : a->end_us > b->end_us;
    });
    std::map<std::string, double> reached_us;
    for (const Event* op : ops) {
      const auto [reached, fresh] = reached_us.try_emplace(op->thread, op->start_us);
      if (!fresh && op->start_us < reached->second) continue;  // inside the one before
      reached->second = op->end_us;
      const auto marks = markers.find(op->thread);
      const std::optional<Phase> around = marks == markers.end() ? std::nullopt : marks->second.at(op->start_us);
      add(*op, around.value_or(Phase::forward));
    }
  }

  /// Times from the first step on, and one step when the trace has none.
  void finish() {
    std::vector<TraceStep>& steps = trace_.steps;
    if (steps.empty()) {
      TraceStep whole{trace_.spans.front().start_s, trace_.spans.front().end_s};
      for (const TraceSpan& span : trace_.spans) {
        whole.start_s = std::min(whole.start_s, span.start_s);
        whole.end_s = std::max(whole.end_s, span.end_s);
      }
      steps.push_back(whole);
    }
    std::sort(steps.begin(), steps.end(), [](const TraceStep& a, const TraceStep& b) { return a.start_s < b.start_s; });
    const double begin_s = steps.front().start_s;
    for (TraceStep& step : steps) step = {step.start_s - begin_s, step.end_s - begin_s};
    for (TraceSpan& span : trace_.spans) {
      span.start_s -= begin_s;
      span.end_s -= begin_s;
    }
    sort_lanes();
  }

  /// By process, each with its lanes in the order in which they were met.
  void sort_lanes() {
    std::vector<int> order(trace_.lanes.size()), place(trace_.lanes.size());
    std::iota(order.begin(), order.end(), 0);
    const auto process = [&](int lane) { return trace_.lanes[static_cast<std::size_t>(lane)].process; };
    std::ranges::stable_sort(order, {}, process);
    std::vector<TraceLane> lanes;
    for (const int lane : order) {
      place[static_cast<std::size_t>(lane)] = static_cast<int>(lanes.size());
      lanes.push_back(std::move(trace_.lanes[static_cast<std::size_t>(lane)]));
    }
    trace_.lanes = std::move(lanes);
    for (TraceSpan& span : trace_.spans) span.lane = place[static_cast<std::size_t>(span.lane)];
  }

  const std::string& file_;
  std::vector<Event> events_;
  std::map<std::string, std::string> names_;
  bool ours_ = false;
  Trace trace_;
  std::map<std::string, int> lanes_;
  std::map<std::string, int> processes_;
};

}  // namespace

Trace read_chrome_trace(const std::string& text, const std::string& file_name) {
  const json parsed = parse_json(text, file_name);
  return Reader(parsed, file_name).read();
}

}  // namespace convoy
