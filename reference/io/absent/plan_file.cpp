// In place of plan_file.cpp, where yaml-cpp is not found.
#include "reference/io/plan_file.h"

#include "reference/core/error.h"

namespace convoy {

std::string to_yaml(const Plan&) {
  throw InputError("this convoy-train was built without yaml-cpp, so it writes no plans; build it with yaml-cpp");
}

Plan parse_plan(const std::string&, const std::string& file_name) {
  throw InputError(cat(file_name, ": this convoy-train was built without yaml-cpp, so it reads no plans from files; build it with yaml-cpp"));
}

}  // namespace convoy
