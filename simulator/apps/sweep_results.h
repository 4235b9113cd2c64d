/// What a sweep found: rows that become a table, CSV, JSON and a picture, and that are read back when a sweep goes on.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace convoy {

/// What every row of one sweep has in common.
struct SweepColumns {
  std::vector<std::string> varied;                         ///< options, the last one varies fastest
  std::vector<std::pair<std::string, std::string>> fixed;  ///< options that were given, with their words
  /// The digits of Fnv1a of the files that they name, by option and word.
  std::map<std::pair<std::string, std::string>, std::string> contents = {};
};

/// What one simulation said.
struct SweepResult {
  int global_batch = 0;
  double step_time_s = 0;
  double compute_s = 0;
  double exposed_communication_s = 0;
  double hidden_communication_s = 0;
  double wait_s = 0;
  double bubble_s = 0;
  std::optional<double> efficiency;  ///< of one rank's speed with the same images a rank
  std::int64_t memory_bytes = 0;     ///< of the rank that needs most
  bool fits = true;                  ///< into the device's memory
  std::string fidelity;              ///< with which it was simulated
  [[nodiscard]] double images_per_s() const { return global_batch / step_time_s; }
  friend bool operator==(const SweepResult&, const SweepResult&) = default;
};

using SweepWords = std::vector<std::string>;  ///< a value for each varied option
using SweepRow = std::pair<SweepWords, SweepResult>;

/// Tidy CSV: a line for every row; a column for every varied and every given option, one for the fingerprint of what each of them
/// reads from a file (profile_fnv1a), then the results with their units.
std::string sweep_csv(const SweepColumns& columns, const std::vector<SweepRow>& rows);
/// Reads it back. An InputError names file, line and column of what is wrong, or says that another sweep wrote it, or one
/// that read other contents from a file of the same name.
std::map<SweepWords, SweepResult> parse_sweep_csv(const std::string& csv, const std::string& file, const SweepColumns& columns);

/// For people.
std::string sweep_table(const SweepColumns& columns, const std::vector<SweepRow>& rows);
/// {"rows": [...], "provenance"}.
nlohmann::ordered_json sweep_json(const SweepColumns& columns, const std::vector<SweepRow>& rows);
/// Images a second, efficiency and step time over the first varied option that is a number, a line for each combination of the
/// others, as SVG. An InputError when no varied option is a number.
std::string sweep_svg(const SweepColumns& columns, const std::vector<SweepRow>& rows);

}  // namespace convoy
