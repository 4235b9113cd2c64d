/// Two runs of one schedule side by side: above all, measured against simulated.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "reference/io/report.h"

namespace convoy {

/// One time of both runs. The error is signed: +0.1 when the second is 10 % longer than the first.
struct CompareRow {
  std::string name;  ///< "step", "forward", "exposed communication"
  double first_s = 0;
  double second_s = 0;
  [[nodiscard]] std::optional<double> error() const;  ///< second / first - 1; nothing when the first is 0
};

/// Two runs in the order in which they are compared: a measured one comes first.
struct Comparison {
  RunReport first;
  RunReport second;
  std::vector<CompareRow> rows;  ///< phases that are 0 in both are left out; less than 0.1 ps counts as 0
};

/// Puts two runs side by side. Throws InputError when they did not run the same schedule, naming every difference.
Comparison compare(RunReport a, RunReport b);

/// name, measured, simulated, error %. Two runs of the same provenance are called first and second.
std::string compare_table(const Comparison& comparison);
/// {"schedule", "first", "second": provenance, "rows": [{"name", "<first>_s", "<second>_s", "error"}], "provenance"}; error is a
/// fraction or null.
nlohmann::ordered_json compare_json(const Comparison& comparison);

}  // namespace convoy
