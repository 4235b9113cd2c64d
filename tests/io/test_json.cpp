#include <algorithm>
#include <nlohmann/json.hpp>

#include "reference/core/error.h"
#include "reference/io/plan_file.h"
#include "reference/io/profile.h"
#include "reference/io/report.h"
#include "reference/io/timeline_file.h"
#include "tests/catch.h"

using namespace convoy;

namespace {

Profile example_profile() {
  Profile profile{.version = "0.0.7",
                  .model = "lenet5",
                  .data = "fashion-mnist",
                  .seed = 42,
                  .machine = "a processor, 2 cores",
                  .date = "2026-01-31T12:00:00Z",
                  .command = "convoy-train profile \"x\"",
                  .cores = 2,
                  .memory_bytes = 123456789012,
                  .memory_bandwidth_bytes_per_s = 1.25e10,
                  .peak_flops_per_s = 9.5e10,
                  .threads = 3,
                  .concurrent = 4,
                  .precision = "fp32",
                  .entries = {},
                  .transport = {}};
  profile.entries.push_back({"conv1", ComputeKind::backward_weights, 32, 0, 0.1 + 0.2, 1e-7, 20});
  profile.entries.push_back({"", ComputeKind::update, 0, 61706, 1.5e-5, 2e-7, 21});
  profile.transport = TransportProfile{"threads", 2.5e-6, 8e9, 1e-11, 1.0};
  return profile;
}

RunReport example_report() {
  RunReport report;
  report.command = "convoy-train train --ranks 2";
  report.date = "2026-01-31T12:00:00Z";
  report.host = {"a processor", 2, 25'000'000'000};
  report.schedule = {"lenet5", "data", 2, 64, false, 65536, "ring", 3, "fp32"};
  report.data = "fashion-mnist";
  report.transport = "threads";
  report.threads = 5;
  report.seed = 77;
  StepTimes times{.iterations = 9,
                  .step_time_s = 0.004,
                  .compute_s = 0.003,
                  .exposed_communication_s = 0.0007,
                  .hidden_communication_s = 0.0002,
                  .wait_s = 0.0001,
                  .bubble_s = 0.0002,
                  .mean_step_time_s = 0.0041,
                  .phase_s = {}};
  for (int i = 0; i < kPhaseCount; ++i) times.phase_s[i] = 0.001 * (i + 1);
  times.ranks = {{0, 1, 0.0041, 0.003, 0.0007, 0.0002, 0.0001, 0.0003}, {1, 1, 0.0041, 0.003, 0.0007, 0.0002, 0.0002, 0.0002}};
  report.set_times(times, "steady");
  report.test_accuracy = 0.875;
  report.train_loss_per_epoch = {0.7, 0.4};
  report.test_accuracy_per_epoch = {0.8, 0.875};
  report.train_accuracy_per_epoch = {0.75, 0.8125};
  report.test_loss_per_epoch = {0.6, 0.5};
  report.time_s_per_epoch = {1.5, 1.25};
  report.memory_bytes = {1000001, 1000002};
  for (const char* name : {"test_accuracy", "train_loss_per_epoch", "test_accuracy_per_epoch", "train_accuracy_per_epoch",
                           "test_loss_per_epoch", "time_s_per_epoch"})
    report.provenance[name] = Provenance::measured;
  report.provenance["memory_bytes"] = Provenance::formula;
  return report;
}

template <class F>
std::string input_error(const F& f) {
  try {
    f();
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

/// All quoted names that stand before a colon.
std::vector<std::string> field_names(const std::string& json) {
  std::vector<std::string> names;
  for (std::size_t colon = json.find("\":"); colon != std::string::npos; colon = json.find("\":", colon + 1)) {
    const std::size_t quote = json.rfind('"', colon - 1);
    names.push_back(json.substr(quote + 1, colon - quote - 1));
  }
  return names;
}

}  // namespace

TEST_CASE("a profile survives writing and reading, bit for bit") {
  const Profile profile = example_profile();
  const Profile back = parse_profile(to_json(profile), "p.json");
  REQUIRE(to_json(back) == to_json(profile));
  REQUIRE(back.entries.size() == 2);
  REQUIRE(back.entries[0].node == "conv1");
  REQUIRE(back.entries[0].kind == ComputeKind::backward_weights);
  REQUIRE(back.entries[0].batch == 32);
  REQUIRE(back.entries[0].time_s == 0.1 + 0.2);
  REQUIRE(back.entries[1].count == 61706);
  REQUIRE(back.memory_bytes == 123456789012);
  REQUIRE(back.transport->latency_s == 2.5e-6);
  REQUIRE(back.concurrent == 4);
  REQUIRE(back.version == "0.0.7");
  REQUIRE(back.data == "fashion-mnist");
  REQUIRE(back.seed == 42);
  Profile alone = profile;
  alone.transport.reset();
  REQUIRE_FALSE(parse_profile(to_json(alone), "p.json").transport.has_value());
}

TEST_CASE("every field of a profile that is missing is named, with the file") {
  const std::string json = to_json(example_profile());
  for (const std::string& name : field_names(json)) {
    const std::vector<std::string> optional = {"version",   "data",  "seed",   "host",  "provenance",
                                               "transport", "shape", "fusion", "layout"};
    if (std::find(optional.begin(), optional.end(), name) != optional.end()) continue;
    const std::string message =
        input_error([&] { parse_profile(replaced(json, "\"" + name + "\":", "\"" + name + "_\":"), "p.json"); });
    CAPTURE(name, message);
    CHECK(contains(message, "p.json:"));
    CHECK(contains(message, name + ": missing"));
    CHECK(contains(message, name + "_: unknown field"));
  }
}

TEST_CASE("values of the wrong type in a profile are named with what was expected, all at once") {
  std::string json = to_json(example_profile());
  json = replaced(json, "\"cores\": 2", "\"cores\": \"two\"");
  json = replaced(json, "\"batch\": 32", "\"batch\": 32.5");
  json = replaced(json, "\"kind\": \"update\"", "\"kind\": \"updat\"");
  json = replaced(json, "\"samples\": 21", "\"samples\": -1");
  json = replaced(json, "\"latency_s\": 2.5e-06", "\"latency_s\": null");
  const std::string message = input_error([&] { parse_profile(json, "p.json"); });
  CAPTURE(message);
  REQUIRE(contains(message, "cores: expected a whole number, found \"two\""));
  REQUIRE(contains(message, "entries[0].batch: expected a whole number, found 32.5"));
  REQUIRE(contains(message, "entries[1].kind: is 'updat', expected one of load,"));
  REQUIRE(contains(message, "entries[1].samples: is -1, expected 0"));
  REQUIRE(contains(message, "transport.latency_s: expected a number, found null"));
}

TEST_CASE("text that is no JSON, or no object, is refused with the file") {
  REQUIRE(contains(input_error([] { parse_profile("{\"model\": }", "p.json"); }), "p.json, byte"));
  REQUIRE(contains(input_error([] { parse_profile("[1, 2]", "p.json"); }), "p.json:\n  expected an object"));
  REQUIRE(contains(input_error([] { parse_profile("", "p.json"); }), "p.json, byte"));
  REQUIRE(contains(input_error([] { parse_run_report("3", "r.json"); }), "r.json:\n  expected an object"));
}

TEST_CASE("a run report survives writing and reading") {
  const RunReport report = example_report();
  const RunReport back = parse_run_report(to_json(report), "r.json");
  REQUIRE(to_json(back) == to_json(report));
  REQUIRE(back.schedule == report.schedule);
  REQUIRE(back.step_time_s == 0.004);
  REQUIRE(back.images_per_s == 64 / 0.004);
  REQUIRE(back.phases_s.at("forward") == 0.002);
  REQUIRE(back.phases_s.at("update") == 0.007);
  REQUIRE(back.test_accuracy == 0.875);
  REQUIRE(back.memory_bytes == std::vector<std::int64_t>{1000001, 1000002});
  REQUIRE(back.provenance.at("step_time_s") == Provenance::measured);
  REQUIRE(back.provenance.at("memory_bytes") == Provenance::formula);
  REQUIRE(back.version == tool_version());
}

TEST_CASE("every field of a run report that is missing is named, unless it is optional") {
  const std::string json = to_json(example_report());
  const std::vector<std::string> optional = {"test_accuracy",
                                             "train_loss_per_epoch",
                                             "test_accuracy_per_epoch",
                                             "train_accuracy_per_epoch",
                                             "test_loss_per_epoch",
                                             "time_s_per_epoch",
                                             "memory_bytes",
                                             "inside",
                                             "scheme",
                                             "statistics",
                                             "packing",
                                             "fusion",
                                             "layout"};
  for (const std::string& name : field_names(json)) {
    const std::string message =
        input_error([&] { parse_run_report(replaced(json, "\"" + name + "\":", "\"" + name + "_\":"), "r.json"); });
    CAPTURE(name, message);
    CHECK(contains(message, name + "_: unknown field"));
    if (std::find(optional.begin(), optional.end(), name) == optional.end()) CHECK(contains(message, name + ": missing"));
  }
}

TEST_CASE("every phase has its own name in a report, and older reports without packing are read") {
  nlohmann::json json = nlohmann::json::parse(to_json(example_report()));
  REQUIRE(json.at("phases_s").size() == kPhaseCount);
  for (int i = 0; i < kPhaseCount; ++i)
    CHECK(json.at("phases_s").at(std::string(to_string(static_cast<Phase>(i)))) == 0.001 * (i + 1));
  json["phases_s"].erase("packing");
  CHECK(parse_run_report(json.dump(), "r.json").phases_s.at("update") == example_report().phases_s.at("update"));
  json["phases_s"].erase("update");
  CHECK(contains(input_error([&] { parse_run_report(json.dump(), "r.json"); }), "phases_s.update: missing"));
}

TEST_CASE("a report carries the plan, and one from before there were several is read as it was meant") {
  RunReport report = example_report();
  report.schedule = {.model = "resnet20", .plan = "hybrid", .ranks = 8, .global_batch = 64};
  report.schedule.split = 4;
  report.schedule.inside = "one_weird_trick";
  report.schedule.scheme = ExchangeScheme::b;
  report.schedule.gradient_dtype = DType::bf16;
  report.schedule.synchronised_statistics = true;
  const RunReport back = parse_run_report(to_json(report), "r.json");
  REQUIRE(back.schedule == report.schedule);
  REQUIRE(plan_of(back.schedule) == plan_of(report.schedule));

  RunReport of_file = report;
  of_file.schedule = {.model = "lenet5", .plan = "mine", .ranks = 2, .global_batch = 8};
  Plan plan = plan_of({.plan = "filter", .ranks = 2, .global_batch = 8});
  plan.name = "mine";
  plan.overrides["fc3"]["model"] = Rule::replicate;
  of_file.schedule.plan_yaml = to_yaml(plan);
  REQUIRE(plan_of(parse_run_report(to_json(of_file), "r.json").schedule) == plan);

  nlohmann::json old = nlohmann::json::parse(to_json(example_report()));
  for (const char* name : {"inside", "scheme", "statistics"}) old["schedule"].erase(name);
  REQUIRE(parse_run_report(old.dump(), "r.json").schedule == example_report().schedule);
  old["schedule"]["scheme"] = "d";
  REQUIRE(contains(input_error([&] { parse_run_report(old.dump(), "r.json"); }), "schedule.scheme: unknown exchange scheme 'd'"));
}

TEST_CASE("a report says of every value where it comes from") {
  RunReport report = example_report();
  report.set_times({.iterations = 3, .step_time_s = 0.1}, "simulated");
  REQUIRE(report.provenance.at("images_per_s") == Provenance::simulated);
  REQUIRE(parse_run_report(to_json(report), "r.json").clock == "simulated");
  report.provenance.erase("test_accuracy");
  REQUIRE_THROWS_AS(to_json(report), std::invalid_argument);
  REQUIRE_THROWS_AS(report.set_times({}, "sundial"), std::invalid_argument);
  const std::string message = input_error([] {
    parse_run_report(replaced(to_json(example_report()), "\"bubble_s\": \"measured\"", "\"bubble_s\": \"guessed\""), "r.json");
  });
  REQUIRE(contains(message, "provenance.bubble_s: is 'guessed'"));
}

TEST_CASE("a choice that makes no schedule is a mistake of the person") {
  const ScheduleChoice good{
      .model = "lenet5", .plan = "data", .ranks = 3, .global_batch = 7, .overlap = false, .bucket_bytes = 4096};
  const Plan plan = plan_of(good);
  REQUIRE(plan.mesh.world_size() == 3);
  REQUIRE(plan.global_batch == 7);
  REQUIRE(plan.bucket_bytes == 4096);
  REQUIRE_FALSE(plan.overlap);
  const auto refused = [&](auto change) {
    ScheduleChoice choice = good;
    change(choice);
    return input_error([&] { schedule_of(choice); });
  };
  CHECK(contains(refused([](ScheduleChoice& c) { c.ranks = 0; }), "ranks is 0"));
  CHECK(contains(refused([](ScheduleChoice& c) { c.global_batch = 0; }), "global batch is 0"));
  CHECK(contains(refused([](ScheduleChoice& c) { c.bucket_bytes = 0; }), "bucket"));
  CHECK(contains(refused([](ScheduleChoice& c) { c.chunks = 0; }), "chunks"));
  CHECK(contains(refused([](ScheduleChoice& c) { c.all_reduce = "rign"; }), "did you mean 'ring'?"));
  CHECK(contains(refused([](ScheduleChoice& c) { c.plan = "dat"; }), "did you mean 'data'?"));
  CHECK(contains(refused([](ScheduleChoice& c) { c.model = "lenet"; }), "did you mean 'lenet5'?"));
}

TEST_CASE("a timeline survives writing and reading, and its intervals must exist") {
  TimelineFile file{
      .model = "lenet5", .plan = "data", .mode = "train", .global_batch = 3, .class_of = {0, 1}, .programs = {}, .timeline = {}};
  file.programs = {{{"load", 0, "load"}, {"a.forward", 0, "forward"}}, {{"sum", 1, "all_reduce"}}};
  file.timeline = {"steady", {{0, 0, 1, 0.1, 0.30000000000000004}, {1, 2, 0, 0.5, 0.5}}};
  const std::string json = to_json(file);
  const TimelineFile back = parse_timeline(json, "t.json");
  REQUIRE(back.programs == file.programs);
  REQUIRE(back.class_of == file.class_of);
  REQUIRE(back.timeline.clock == "steady");
  REQUIRE(back.timeline.intervals.size() == 2);
  REQUIRE(back.timeline.intervals[0].end_s == 0.30000000000000004);
  REQUIRE(back.timeline.intervals[1].iteration == 2);
  const auto refused = [&](const std::string& from, const std::string& to) {
    return input_error([&] { parse_timeline(replaced(json, from, to), "t.json"); });
  };
  CHECK(contains(refused("[1,2,0,", "[2,2,0,"), "intervals[1]: rank 2, expected 0 to 1"));
  CHECK(contains(refused("[1,2,0,", "[1,2,1,"), "intervals[1]: op 1 of 1"));
  CHECK(contains(refused("[1,2,0,", "[1,-2,0,"), "intervals[1]: expected [rank"));
  CHECK(contains(refused("0.5,0.5]", "0.5,0.4]"), "intervals[1]: ends before it begins"));
  CHECK(contains(refused("[0,1]", "[0,2]"), "class_of: 2 of 2 programs"));
  CHECK(contains(refused("\"clock\"", "\"clok\""), "clok: unknown field") == false);
  CHECK(contains(refused("\"clock\"", "\"clok\""), "clock: missing"));
}

TEST_CASE("a profile says where it was measured and that it was") {
  const nlohmann::json json = nlohmann::json::parse(to_json(example_profile()));
  REQUIRE(json.at("host").at("cpu_model") == "a processor, 2 cores");
  REQUIRE(json.at("host").at("cores") == 2);
  for (const char* name : {"entries", "transport", "peak_flops_per_s", "memory_bandwidth_bytes_per_s"})
    REQUIRE(json.at("provenance").at(name) == "measured");
  nlohmann::json old = json;
  for (const char* name : {"version", "data", "seed", "host", "provenance"}) old.erase(name);
  REQUIRE(parse_profile(old.dump(), "p.json").entries.size() == 2);
  const std::string simulated = replaced(to_json(example_profile()), "\"entries\": \"measured\"", "\"entries\": \"simulated\"");
  REQUIRE(contains(input_error([&] { parse_profile(simulated, "p.json"); }), "provenance.entries: is 'simulated'"));
}

TEST_CASE("a profile of no ranks, threads or cores, or of messages without bandwidth, is refused") {
  nlohmann::json json = nlohmann::json::parse(to_json(example_profile()));
  for (const char* name : {"concurrent", "threads", "cores"}) {
    nlohmann::json wrong = json;
    wrong[name] = 0;
    CHECK(input_error([&] { parse_profile(wrong.dump(), "p.json"); }) ==
          std::string("p.json:\n  ") + name + ": is 0, expected 1 to 2147483647");
    wrong[name] = -1;
    CHECK(contains(input_error([&] { parse_profile(wrong.dump(), "p.json"); }), std::string(name) + ": is -1"));
    wrong[name] = 1;
    CHECK(input_error([&] { parse_profile(wrong.dump(), "p.json"); }) == "no error");
  }
  json["transport"]["bandwidth_bytes_per_s"] = 0;
  CHECK(contains(input_error([&] { parse_profile(json.dump(), "p.json"); }), "transport.bandwidth_bytes_per_s: is 0"));
}

TEST_CASE("names that are not UTF-8 can be written") {
  Profile profile = example_profile();
  profile.command = "convoy profile --json \xff.json";
  REQUIRE(parse_profile(to_json(profile), "p.json").command == "convoy profile --json \xef\xbf\xbd.json");
  RunReport report = example_report();
  report.data =
      "my\xff"
      "folder";
  REQUIRE(parse_run_report(to_json(report), "r.json").data ==
          "my\xef\xbf\xbd"
          "folder");
  TimelineFile file{
      .model = "m\xff", .plan = "data", .mode = "train", .global_batch = 1, .class_of = {}, .programs = {}, .timeline = {}};
  REQUIRE(parse_timeline(to_json(file), "t.json").model == "m\xef\xbf\xbd");
}
