/// Validation: published measurements beside what the simulator says.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "reference/io/csv.h"
#include "simulator/engine/fidelity.h"
#include "simulator/validate/hardware.h"

namespace convoy {

/// One published number and its prediction, or why there is none.
struct Prediction {
  std::string table;  ///< "collectives"
  std::string case_id;
  std::string what;  ///< the point within the case: "allreduce, 8 ranks, 32 MiB"
  std::string unit;
  double measured = 0;
  std::optional<double> predicted;
  std::string how;     ///< algorithm or plan, and whether it was simulated; with no prediction: why
  bool target = true;  ///< false: the row says that its number is not verified, so it is in no median

  /// predicted / measured - 1; nothing without a prediction.
  [[nodiscard]] std::optional<double> error() const;
};

/// The tables of a folder by name without ".csv".
using Tables = std::map<std::string, CsvTable>;

/// Reads every .csv file of a folder. Throws InputError when the folder cannot be read, has no hardware.csv or no table of
/// measurements, or a file is broken.
Tables read_tables(const std::string& folder);

/// Predicts every row of every table that is known; rows of others are listed as not done. At least one entry for each row, in
/// order.
///
///   formula        closed forms of what libraries do; a step is one rank's that stands for all; jobs that share NICs have even parts
///   steps, flows   collectives, jobs at once and the steps of plans are simulated on the links of the machine (simulated.h);
///                  what has no schedule stays a formula
///   automatic      formulas, but jobs at once are simulated (flows)
std::vector<Prediction> predict_all(const Tables& tables, Fidelity fidelity = Fidelity::automatic);

// One per form of table.
using AllHardware = std::map<std::string, Hardware>;
std::vector<Prediction> predict_collectives(const CsvTable& table, const AllHardware& hardware, Fidelity fidelity);
std::vector<Prediction> predict_contention(const CsvTable& table, const AllHardware& hardware, Fidelity fidelity);
std::vector<Prediction> predict_training(const CsvTable& table, const AllHardware& hardware, Fidelity fidelity);
std::vector<Prediction> predict_layers(const CsvTable& table, const AllHardware& hardware);
std::vector<Prediction> predict_convolutions(const CsvTable& table, const AllHardware& hardware);

/// What several predictions say together.
struct Summary {
  std::string name;
  int rows = 0;
  int predicted = 0;             ///< with a prediction, verified or not
  std::optional<double> median;  ///< of the errors' sizes, over verified rows
  std::optional<double> bias;    ///< median of the errors with their signs
  std::optional<double> worst;   ///< the error furthest from 0
  std::string worst_what;
};
/// One for each table, in order.
std::vector<Summary> by_table(const std::vector<Prediction>& predictions);
/// One for each case, in order.
std::vector<Summary> by_case(const std::vector<Prediction>& predictions);

}  // namespace convoy
