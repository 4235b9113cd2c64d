#include "simulator/report/trace.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "reference/core/error.h"
#include "simulator/report/chrome_trace.h"
#include "simulator/report/lane_name.h"
#include "simulator/report/trace_compare.h"
#include "simulator/report/trace_svg.h"
#include "tests/catch.h"

using namespace convoy;

namespace {

/// Two ranks, two steps: forward, backward with an all-reduce beside it, update. Rank 1 is slower by 1 ms in backward.
TimelineFile two_ranks() {
  TimelineFile file{.model = "net", .plan = "data", .mode = "train", .global_batch = 4, .class_of = {0, 0}};
  file.programs = {
      {{"forward \"all\"", 0, "forward"}, {"backward", 0, "backward"}, {"all_reduce", 1, "all_reduce"}, {"update", 0, "update"}}};
  file.timeline.clock = "simulated";
  for (int step = 0; step < 2; ++step)
    for (int rank = 0; rank < 2; ++rank) {
      const double start = 0.010 * step;
      const double late = 0.001 * rank;
      file.timeline.intervals.push_back({rank, step, 0, start, start + 0.002});
      file.timeline.intervals.push_back({rank, step, 1, start + 0.002, start + 0.005 + late});
      file.timeline.intervals.push_back({rank, step, 2, start + 0.004, start + 0.009});
      file.timeline.intervals.push_back({rank, step, 3, start + 0.009, start + 0.010});
    }
  return file;
}

std::string complaint(const std::string& text) {
  try {
    read_trace(text, "trace.json");
  } catch (const InputError& error) {
    return error.what();
  }
  return "none";
}

/// A complete event of a PyTorch trace.
std::string event(const std::string& name, const std::string& category, int thread, double ts, double length,
                  int correlation = -1) {
  return nlohmann::json({{"ph", "X"},
                         {"name", name},
                         {"cat", category},
                         {"pid", 7},
                         {"tid", thread},
                         {"ts", ts},
                         {"dur", length},
                         {"args", {{"correlation", correlation}}}})
      .dump();
}

}  // namespace

TEST_CASE("the times of a step add up: compute, exposed communication and idle") {
  const TraceTimes times = times_of(trace_of(two_ranks()));
  CHECK(times.steps == 1);
  CHECK(times.step_s == Approx(0.010));
  CHECK(times.phase_s[static_cast<int>(Phase::backward)] == Approx(0.0035));
  CHECK(times.phase_s[static_cast<int>(Phase::all_reduce)] == Approx(0.005));
  CHECK(times.compute_s == Approx(0.0065));
  CHECK(times.exposed_communication_s == Approx(0.0035));
  CHECK(times.hidden_communication_s == Approx(0.0015));
  CHECK(times.compute_s + times.exposed_communication_s + times.idle_s == Approx(times.step_s));
}

TEST_CASE("a Chrome trace is JSON with a lane for each rank and stream, and reads back as the same times") {
  const std::string text = chrome_trace(two_ranks());
  const nlohmann::json parsed = nlohmann::json::parse(text);
  CHECK(parsed["otherData"]["ranks_in_this_file"] == 2);
  std::map<std::pair<int, int>, std::int64_t> reached;
  int spans = 0;
  for (const auto& e : parsed["traceEvents"]) {
    if (e["ph"] != "X" || e["cat"] == "step") continue;
    const auto start = std::llround(e["ts"].get<double>() * 1000);
    auto& before = reached[{e["pid"].get<int>(), e["tid"].get<int>()}];
    CHECK(start >= before);
    before = start + std::llround(e["dur"].get<double>() * 1000);
    ++spans;
  }
  CHECK(spans == 16);
  CHECK(reached.size() == 4);
  const TraceTimes again = times_of(read_trace(text, "trace.json"));
  const TraceTimes first = times_of(trace_of(two_ranks()));
  CHECK(again.step_s == Approx(first.step_s));
  CHECK(again.exposed_communication_s == Approx(first.exposed_communication_s));
  CHECK(again.idle_s == Approx(first.idle_s).margin(1e-9));
}

TEST_CASE("a Chrome trace keeps below its limit, leaves out whole ranks and steps and says so") {
  TimelineFile file = two_ranks();
  file.class_of.assign(64, 0);
  const std::vector<Interval> pattern = file.timeline.intervals;
  for (int rank = 2; rank < 64; ++rank)
    for (Interval i : pattern)
      if (i.rank == 0) {
        i.rank = rank;
        file.timeline.intervals.push_back(i);
      }
  const std::string all = chrome_trace(file);
  CHECK(nlohmann::json::parse(all)["otherData"]["ranks_in_this_file"] == 64);
  for (const std::size_t most : {std::size_t{20000}, std::size_t{6000}, std::size_t{3500}}) {
    const std::string text = chrome_trace(file, most);
    CHECK(text.size() <= most);
    const nlohmann::json parsed = nlohmann::json::parse(text);
    const int ranks = parsed["otherData"]["ranks_in_this_file"];
    CHECK(ranks >= 1);
    CHECK(ranks < 64);
    std::map<int, int> spans;
    for (const auto& e : parsed["traceEvents"])
      if (e["ph"] == "X" && e["cat"] != "step") ++spans[e["pid"].get<int>()];
    for (const auto& [rank, count] : spans) CHECK(count == spans.begin()->second);
    CHECK(static_cast<int>(spans.size()) == ranks);
  }
}

TEST_CASE("kernels of a PyTorch trace count for the phase in which they were launched") {
  const std::string text =
      "{\"traceEvents\":[" + event("ProfilerStep#2", "user_annotation", 1, 1000, 100) + "," +
      event("aten::conv2d", "cpu_op", 1, 1000, 20) + "," + event("cudaLaunchKernel", "cuda_runtime", 1, 1005, 2, 11) + "," +
      event("autograd::engine::evaluate_function: ConvolutionBackward0", "cpu_op", 2, 1030, 30) + "," +
      event("cudaLaunchKernel", "cuda_runtime", 2, 1040, 2, 12) + "," +
      event("Optimizer.step#SGD.step", "user_annotation", 1, 1070, 20) + "," +
      event("cudaLaunchKernel", "cuda_runtime", 1, 1075, 2, 13) + "," + event("gemm", "kernel", 100, 1010, 10, 11) + "," +
      event("dgrad", "kernel", 100, 1045, 20, 12) + "," + event("sgd", "kernel", 100, 1080, 5, 13) + "," +
      event("ncclDevKernel_AllReduce", "kernel", 101, 1050, 25, 14) + "]}";
  const TraceTimes times = times_of(read_trace(text, "trace.json"));
  CHECK(times.step_s == Approx(100e-6));
  CHECK(times.phase_s[static_cast<int>(Phase::forward)] == Approx(10e-6));
  CHECK(times.phase_s[static_cast<int>(Phase::backward)] == Approx(20e-6));
  CHECK(times.phase_s[static_cast<int>(Phase::update)] == Approx(5e-6));
  CHECK(times.phase_s[static_cast<int>(Phase::all_reduce)] == Approx(25e-6));
  CHECK(times.hidden_communication_s == Approx(15e-6));
}

TEST_CASE("what communication waited for its partners is a span of its own, in traces too") {
  TimelineFile file = two_ranks();
  file.waits.assign(file.timeline.intervals.size(), {});
  for (std::size_t i = 0; i < file.waits.size(); ++i)
    if (file.timeline.intervals[i].op == 2) file.waits[i].partners_s = 0.001;
  for (const Trace& trace :
       {trace_of(file), trace_of(parse_timeline(to_json(file), "t.json")), read_trace(chrome_trace(file), "t.json")}) {
    CHECK(times_of(trace).phase_s[static_cast<int>(Phase::wait)] == Approx(0.001));
    CHECK(times_of(trace).phase_s[static_cast<int>(Phase::all_reduce)] == Approx(0.004));
    CHECK(times_of(trace).exposed_communication_s == Approx(0.0035));  // the wait was while computing
    CHECK(times_of(trace).wait_s == Approx(0).margin(1e-9));
    CHECK(times_of(trace).hidden_communication_s == Approx(0.0005));
  }
  CHECK(trace_svg(std::array{trace_of(file)}).find("all_reduce: wait, ") != std::string::npos);
  file.waits[2].partners_s = 0.006;  // of 5 ms
  CHECK(complaint(to_json(file)).find("not within what it takes") != std::string::npos);
}

TEST_CASE("a stream is called by what its ops have in common") {
  CHECK(stream_name(0, {}) == "compute");
  CHECK(stream_name(1, {"bucket0.all_reduce"}) == "communication");
  CHECK(stream_name(3, {"relu1.y.to1.mb0", "relu1.y.to1.mb1"}) == "relu1.y.to1");
  CHECK(stream_name(4, {"layer1.relu.y.to1.mb10", "layer1.add.y.to1.mb1"}) == "y.to1");
  CHECK(stream_name(4, {"relu1.dy.to1.mb0", "relu1.y.to1.mb0"}) == "to1");
  CHECK(stream_name(4, {"relu1.y.to1"}) == "relu1.y.to1");
  CHECK(stream_name(5, {"push", "pull"}) == "stream 5");
  CHECK(stream_name(6, {}) == "stream 6");
}

TEST_CASE("copies to a GPU are loading, and lanes of GPUs are called so") {
  const std::string named = R"({"ph":"M","name":"process_name","pid":0,"args":{"name":"python"}},)"
                            R"({"ph":"M","name":"process_labels","pid":0,"args":{"labels":"GPU 0"}},)"
                            R"({"ph":"M","name":"thread_name","pid":0,"tid":7,"args":{"name":"stream 7"}},)";
  const std::string kernel = R"({"ph":"X","cat":"kernel","name":"gemm","pid":0,"tid":7,"ts":20,"dur":5,"args":{}})";
  const std::string copy = R"x({"ph":"X","cat":"gpu_memcpy","name":"Memcpy HtoD (Pinned -> Device)","pid":0,"tid":7,"ts":0,"dur":10},)x";
  const Trace trace = read_trace("[" + named + copy + kernel + "]", "t.json");
  CHECK(times_of(trace).phase_s[static_cast<int>(Phase::load)] == Approx(10e-6));
  CHECK(trace.lanes.at(0).name == "GPU 0 stream 7");
  CHECK(read_trace("[" + kernel + "]", "t.json").lanes.at(0).name == "GPU 0 stream 7");
}

TEST_CASE("a copy to a GPU belongs to the phase in which it was launched, if that says more") {
  const auto copy = [](double ts, int correlation) {
    return event("Memcpy HtoD (Pageable -> Device)", "gpu_memcpy", 100, ts, 5, correlation);
  };
  const std::string text = "[" + event("Optimizer.step#Adam.step", "user_annotation", 1, 50, 40) + "," +
                           event("cudaMemcpyAsync", "cuda_runtime", 1, 60, 2, 21) + "," + copy(62, 21) + "," +
                           event("cudaMemcpyAsync", "cuda_runtime", 1, 10, 2, 22) + "," + copy(12, 22) + "," +
                           event("nccl:all_reduce", "user_annotation", 1, 70, 10) + "," +
                           event("cudaLaunchKernel", "cuda_runtime", 1, 85, 2, 23) + "," +
                           event("ncclDevKernel_AllReduce", "kernel", 101, 86, 20, 23) + "]";
  const TraceTimes times = times_of(read_trace(text, "trace.json"));
  CHECK(times.phase_s[static_cast<int>(Phase::update)] == Approx(5e-6));
  CHECK(times.phase_s[static_cast<int>(Phase::load)] == Approx(5e-6));
  CHECK(times.phase_s[static_cast<int>(Phase::all_reduce)] == Approx(20e-6));  // though launched in the update
}

TEST_CASE("lanes of a process follow each other, in whatever order a trace has them, so that whole processes are drawn") {
  std::string text;
  for (int stream = 0; stream < 10; ++stream)
    for (int gpu = 0; gpu < 4; ++gpu)  // every event of another GPU than the one before
      text += nlohmann::json({{"ph", "X"},
                              {"name", std::to_string(gpu)},
                              {"cat", "kernel"},
                              {"pid", gpu},
                              {"tid", stream},
                              {"ts", 10 * stream},
                              {"dur", 5}})
                  .dump() +
              ",";
  const Trace trace = read_trace("[" + text.substr(0, text.size() - 1) + "]", "trace.json");
  REQUIRE(trace.lanes.size() == 40);
  CHECK(std::ranges::is_sorted(trace.lanes, {}, &TraceLane::process));
  CHECK(trace.lanes.at(1).name == "GPU 0 stream 1");
  for (const TraceSpan& span : trace.spans)
    CHECK(std::to_string(trace.lanes.at(static_cast<std::size_t>(span.lane)).process) == span.name);
  const std::string svg = trace_svg(std::array{trace}, {.most_lanes = 24});
  CHECK(svg.find("GPU 1 stream 9") != std::string::npos);
  CHECK(svg.find("GPU 2") == std::string::npos);
  CHECK(svg.find("and 20 more lanes") != std::string::npos);
}

TEST_CASE("without a GPU the outermost operators of a PyTorch trace count") {
  const std::string text = "[" + event("aten::linear", "cpu_op", 1, 10, 30) + "," + event("aten::addmm", "cpu_op", 1, 12, 20) +
                           "," + event("autograd::engine::evaluate_function: AddmmBackward0", "cpu_op", 2, 50, 40) + "," +
                           event("aten::mm", "cpu_op", 2, 55, 30) + "," + event("gloo:all_reduce", "cpu_op", 3, 60, 50) + "]";
  const TraceTimes times = times_of(read_trace(text, "trace.json"));
  CHECK(times.steps == 1);
  CHECK(times.step_s == Approx(100e-6));
  CHECK(times.phase_s[static_cast<int>(Phase::forward)] == Approx(30e-6));
  CHECK(times.phase_s[static_cast<int>(Phase::backward)] == Approx(40e-6));
  CHECK(times.exposed_communication_s == Approx(20e-6));
}

TEST_CASE("a trace of a PyTorch without Kineto, whose events have no categories, is read as well") {
  const std::string bare =  // as Debian's PyTorch 1.13 writes it
      R"([{"name":"ProfilerStep#1","ph":"X","ts":0,"dur":100,"tid":1,"pid":"CPU functions","args":{}},)"
      R"({"name":"aten::linear","ph":"X","ts":5,"dur":30,"tid":1,"pid":"CPU functions","args":{}},)"
      R"({"name":"aten::addmm","ph":"X","ts":6,"dur":20,"tid":1,"pid":"CPU functions","args":{}},)"
      R"({"name":"autograd::engine::evaluate_function: AddmmBackward0","ph":"X","ts":40,"dur":35,"tid":1,"pid":"CPU functions"},)"
      R"({"name":"Optimizer.step#SGD.step","ph":"X","ts":80,"dur":10,"tid":1,"pid":"CPU functions","args":{}}])";
  const TraceTimes times = times_of(read_trace(bare, "trace.json"));
  CHECK(times.step_s == Approx(100e-6));
  CHECK(times.phase_s[static_cast<int>(Phase::forward)] == Approx(30e-6));
  CHECK(times.phase_s[static_cast<int>(Phase::backward)] == Approx(35e-6));
  CHECK(times.phase_s[static_cast<int>(Phase::update)] == Approx(10e-6));
}

TEST_CASE("a file that is no trace is refused with a sentence") {
  CHECK(complaint("nonsense").starts_with("trace.json"));
  CHECK(complaint("[]").find("no event") != std::string::npos);
  CHECK(complaint("{\"traceEvents\": 3}").find("no list of events") != std::string::npos);
  CHECK(complaint("{\"traceEvents\":[{\"ph\":\"X\",\"name\":\"a\"}]}").find("has no time") != std::string::npos);
}

TEST_CASE("two traces are compared phase by phase") {
  const Trace first = trace_of(two_ranks());
  TimelineFile slower = two_ranks();
  for (Interval& i : slower.timeline.intervals) {
    i.start_s *= 2;
    i.end_s *= 2;
  }
  const nlohmann::ordered_json json = trace_compare_json(first, trace_of(slower));
  REQUIRE(json["rows"].size() == 9);
  for (const auto& row : json["rows"]) {
    if (row["name"] == "idle") continue;
    CHECK(row["error"].get<double>() == Approx(1.0));
  }
  CHECK(trace_compare_table(first, trace_of(slower)).find("+100.0 %") != std::string::npos);
}

TEST_CASE("a picture has a bar for every op that can be seen, and joins those that cannot") {
  const std::array traces = {trace_of(two_ranks()), trace_of(two_ranks())};
  const std::string svg = trace_svg(traces);
  std::size_t bars = 0;
  for (std::size_t at = svg.find("<title>"); at != std::string::npos; at = svg.find("<title>", at + 1)) ++bars;
  CHECK(bars == 16);
  CHECK(svg.find(">0 ms<") != std::string::npos);
  CHECK(svg.find(">10 ms<") != std::string::npos);
  CHECK(svg.find("forward &quot;all&quot;: forward, 2 ms") != std::string::npos);

  TimelineFile many = two_ranks();
  many.programs[0][0].name = "f";
  many.timeline.intervals.clear();
  for (int i = 0; i < 100000; ++i) many.timeline.intervals.push_back({0, 0, 0, i * 1e-6, (i + 0.9) * 1e-6});
  CHECK(trace_svg(std::array{trace_of(many)}).size() < 1'000'000);

  const std::string ranks =
      trace_svg(std::array{trace_of(two_ranks())}, {.most_lanes = 3});  // rank 1 has room for half of its lanes
  CHECK(ranks.find("rank 0 communication") != std::string::npos);
  CHECK(ranks.find("rank 1") == std::string::npos);
  CHECK(ranks.find("and 2 more lanes") != std::string::npos);
}
