/// What the predictors of all tables share: cells of rows, and rows that cannot be done.
#pragma once

#include <algorithm>
#include <cctype>
#include <cmath>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include "reference/core/error.h"
#include "simulator/validate/validation.h"

namespace convoy {

/// Why a row has no prediction. It ends the row and not the run.
class NotDone : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The number in a cell; NotDone when it is missing.
inline double needed(const CsvTable& table, std::size_t row, std::string_view column) {
  const auto value = table.number(row, column);
  if (!value) throw NotDone(cat(column, " not stated"));
  if (!(std::abs(*value) <= 1e15)) throw NotDone(cat(column, " is ", *value));
  return *value;
}

/// A number of things; NotDone when it is missing, below 0 or beyond what is sensible.
inline int needed_count(const CsvTable& table, std::size_t row, std::string_view column) {
  const double value = needed(table, row, column);
  if (!(value >= 0 && value <= 1e8)) throw NotDone(cat(column, " is ", value));
  return static_cast<int>(value);
}

inline std::string lower_case(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

inline bool contains_word(const std::string& text, std::string_view word) { return text.find(word) != std::string::npos; }

/// The hardware of a row; NotDone when the row names none that the table of hardware has.
inline const Hardware& hardware_of(const CsvTable& table, std::size_t row, const std::map<std::string, Hardware>& all) {
  const std::string& id = table.text(row, "hardware_id");
  const auto found = all.find(id);
  if (found == all.end())
    throw NotDone(id.empty() ? std::string("hardware not stated") : cat("hardware '", id, "' is not in hardware.csv"));
  if (!found->second.broken.empty()) throw NotDone(found->second.broken);
  return found->second;
}

/// The precision of our tables that a row's words mean on this GPU: "fp32", "tf32 possible (fp32 flag on Ampere)", "amp (fp16)".
/// NotDone for others.
std::string precision_of(const std::string& words, const Gpu& gpu);

/// The version of NCCL in words: "NCCL 2.8.4" is 20804, "NCCL 2.x" 20000; 0 when none is named.
int nccl_version(const std::string& words);

/// The predictions of every row, at least one each; `predict` throws NotDone or another error where there is none. Cells that
/// every table has are filled in here.
std::vector<Prediction> each_row(const CsvTable& table, const std::string& name,
                                 const std::function<std::vector<Prediction>(std::size_t)>& predict);

}  // namespace convoy
