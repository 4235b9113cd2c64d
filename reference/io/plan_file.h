/// Plans as files: a plan is a value that is written to YAML and read back. docs/formats.md describes the file.
#pragma once

#include <string>

#include "reference/plans/plan.h"

namespace convoy {

/// All fields of a plan, so that parse_plan(to_yaml(plan), "") == plan.
std::string to_yaml(const Plan& plan);

/// Reads a plan. Only `name`, `mesh`, `batch` and `batch_axis` must be there, the rest has the defaults of Plan. What needs a
/// model to be known (nodes, how often they can be divided) is left to make_schedule. An InputError names file, line and field,
/// what was expected and the nearest word.
Plan parse_plan(const std::string& yaml, const std::string& file_name);

/// Whether what stands behind --plan is a file rather than a name: it ends in .yaml or .yml, or has a folder.
bool is_plan_file(const std::string& word);

/// "local" -> false, "synchronised" -> true: Plan::synchronised_statistics in files and on command lines. Throws InputError.
bool parse_statistics(const std::string& word);

}  // namespace convoy
