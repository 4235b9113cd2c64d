#include <cstdio>
#include <nlohmann/json.hpp>

#include "reference/apps/commands.h"
#include "reference/apps/session.h"
#include "reference/core/processor.h"
#include "reference/data/open.h"
#include "reference/io/cli.h"
#include "reference/io/host.h"
#include "reference/io/json_fields.h"
#include "reference/io/onnx/graph.h"
#include "reference/model/zoo.h"
#include "reference/plans/plan.h"

namespace convoy {
namespace {

#ifdef _OPENMP
constexpr bool kWithOpenMp = true;
#else
constexpr bool kWithOpenMp = false;
#endif

template <class Rows>
nlohmann::json names_of(const Rows& rows) {
  nlohmann::json names = nlohmann::json::array();
  for (const auto& row : rows) names.push_back(row.name);
  return names;
}

void print_facts() {
  const Host host = this_host();
  const MpiFacts mpi = mpi_facts();
  nlohmann::json transports = {"threads"};
  if (!mpi.library.empty()) transports.push_back("mpi");
  const auto fashion_mnist = find_fashion_mnist();
  const nlohmann::ordered_json facts = {
      {"version", tool_version()},
      {"transports", transports},
      {"mpi", !mpi.library.empty()},
      {"mpi_library", mpi.library.empty() ? nlohmann::json(nullptr) : nlohmann::json(mpi.library)},
      {"mpi_launcher", mpi.launcher.empty() ? nlohmann::json(nullptr) : nlohmann::json(mpi.launcher)},
      {"openmp", kWithOpenMp},
      {"onnx", can_read_onnx()},
      {"processor_features", built_for_features()},
      {"compiler", __VERSION__},
      {"cpu_model", host.cpu_model},
      {"cores", host.cores},
      {"memory_bytes", host.memory_bytes},
      {"fashion_mnist", fashion_mnist.has_value()},
      {"fashion_mnist_folder", fashion_mnist ? nlohmann::json(fashion_mnist->string()) : nlohmann::json(nullptr)},
      {"models", names_of(zoo())},
      {"plans", names_of(named_plans())},
  };
  std::printf("%s\n", json_text(facts, 2).c_str());
}

}  // namespace

void add_facts_verb(Verb& app) {
  Verb* verb = add_verb(app, "facts", "Says in JSON what this program was built with and what it finds on this machine.",
                            {app.get_name() + " facts", app.get_name() + " facts | grep fashion"});
  verb->callback(print_facts);
}

}  // namespace convoy
