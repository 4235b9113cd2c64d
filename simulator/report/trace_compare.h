/// Two traces phase by phase: measured against simulated, or either against PyTorch.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "simulator/report/trace.h"

namespace convoy {

/// Means of a step of both traces and how much longer the second's are, in percent: the step, every phase that occurs in one of
/// them, and compute, exposed and hidden communication, idle.
std::string trace_compare_table(const Trace& first, const Trace& second);
/// {"first", "second": {"title", "steps"}, "rows": [{"name", "first_s", "second_s", "error"}]}; error is a fraction or null.
nlohmann::ordered_json trace_compare_json(const Trace& first, const Trace& second);

}  // namespace convoy
