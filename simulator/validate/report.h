/// The validation as text, CSV and JSON.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "simulator/validate/validation.h"

namespace convoy {

/// The tables, the cases with a prediction, and the reasons of what has none. With `points`, every row too.
std::string validation_text(const std::vector<Prediction>& predictions, bool points);
/// One line for each row: table, case, point, unit, measured, predicted, error, how (or why not), verified.
std::string validation_csv(const std::vector<Prediction>& predictions);
nlohmann::ordered_json validation_json(const std::vector<Prediction>& predictions);

}  // namespace convoy
