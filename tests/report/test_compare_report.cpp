#include "simulator/report/compare_report.h"

#include <nlohmann/json.hpp>
#include <string>

#include "reference/core/error.h"
#include "tests/catch.h"

using namespace convoy;

namespace {

RunReport run(const std::string& clock, double factor) {
  RunReport report;
  report.schedule = {.model = "lenet5", .plan = "data", .ranks = 2, .global_batch = 64};
  StepTimes times;
  times.iterations = 4;
  times.step_time_s = 10 * factor;
  times.compute_s = 7;
  times.exposed_communication_s = 3 * factor * factor;
  times.phase_s[static_cast<int>(Phase::forward)] = 2;
  times.phase_s[static_cast<int>(Phase::all_reduce)] = 5 * factor;
  report.set_times(times, clock);
  return report;
}

const CompareRow& row_of(const Comparison& comparison, const std::string& name) {
  for (const CompareRow& row : comparison.rows)
    if (row.name == name) return row;
  throw std::runtime_error("no row " + name);
}

std::string message_of(const RunReport& a, const RunReport& b) {
  try {
    compare(a, b);
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("errors of a simulation are signed and relative to what was measured") {
  const Comparison comparison = compare(run("steady", 1), run("simulated", 0.9));
  CHECK(row_of(comparison, "step").error().value() == Approx(-0.1));
  CHECK(row_of(comparison, "all-reduce").error().value() == Approx(-0.1));
  CHECK(row_of(comparison, "exposed communication").error().value() == Approx(-0.19));
  CHECK(row_of(comparison, "compute").error().value() == Approx(0.0));
  CHECK_FALSE(row_of(comparison, "bubble").error().has_value());
  CHECK_THROWS_AS(row_of(comparison, "update"), std::runtime_error);  // 0 in both
}

TEST_CASE("what is left over from adding times is nothing, not +100 % of it") {
  RunReport a = run("steady", 1);
  RunReport b = run("simulated", 1);
  a.bubble_s = 3e-17;
  b.bubble_s = 6e-17;
  const Comparison comparison = compare(a, b);
  CHECK(row_of(comparison, "bubble").first_s == 0);
  CHECK(row_of(comparison, "bubble").second_s == 0);
  CHECK_FALSE(row_of(comparison, "bubble").error().has_value());
  a.bubble_s = 2e-13;
  b.bubble_s = 4e-13;
  CHECK(row_of(compare(a, b), "bubble").error().value() == Approx(1.0));
}

TEST_CASE("the measured run comes first, in whichever order the two are given") {
  const Comparison comparison = compare(run("simulated", 2), run("steady", 1));
  CHECK(comparison.first.clock == "steady");
  CHECK(row_of(comparison, "step").first_s == 10);
  CHECK(row_of(comparison, "step").error().value() == Approx(1.0));
}

TEST_CASE("the table names measured and simulated, or first and second when both are the same") {
  const std::string table = compare_table(compare(run("steady", 1), run("simulated", 0.9)));
  CHECK(table.find("a step                 measured  simulated    error\n") != std::string::npos);
  CHECK(table.find("step                       10 s        9 s  -10.0 %\n") != std::string::npos);
  CHECK(table.find("bubble                     0 ns       0 ns      n/a\n") != std::string::npos);
  CHECK(compare_table(compare(run("simulated", 1), run("simulated", 2))).find("first  second") != std::string::npos);
}

TEST_CASE("JSON of a comparison has the error as a fraction, or null") {
  const auto json = compare_json(compare(run("steady", 1), run("simulated", 0.9)));
  CHECK(json.at("first") == "measured");
  CHECK(json.at("second") == "simulated");
  CHECK(json.at("rows").at(0).at("name") == "step");
  CHECK(json.at("rows").at(0).at("measured_s").get<double>() == 10);
  CHECK(json.at("rows").at(0).at("simulated_s").get<double>() == 9);
  CHECK(json.at("rows").at(0).at("error").get<double>() == Approx(-0.1));
  CHECK(json.at("rows").back().at("error").is_null());
}

TEST_CASE("runs of different schedules are refused, naming every difference") {
  const RunReport a = run("steady", 1);
  CHECK(message_of(a, run("simulated", 1)).empty());
  RunReport b = run("simulated", 1);
  b.schedule.ranks = 4;
  b.schedule.overlap = false;
  CHECK(message_of(a, b).find("ranks 2 and 4, overlap on and off") != std::string::npos);
  for (const int field : {0, 1, 2, 3, 4, 5, 6, 7}) {
    CAPTURE(field);
    RunReport other = run("simulated", 1);
    if (field == 0) other.schedule.model = "vgg16";
    if (field == 1) other.schedule.plan = "pipeline";
    if (field == 2) other.schedule.global_batch = 65;
    if (field == 3) other.schedule.bucket_bytes = 1;
    if (field == 4) other.schedule.all_reduce = "tree";
    if (field == 5) other.schedule.chunks = 2;
    if (field == 6) other.schedule.precision = "fp64";
    if (field == 7) other.mode = "evaluate";
    CHECK_FALSE(message_of(a, other).empty());
  }
}
