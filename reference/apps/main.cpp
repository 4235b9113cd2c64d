/// convoy-train: everything that runs for real. The command people type is convoy, which starts this one.
#include <cstdlib>
#include <string>
#include <vector>

#include "reference/apps/commands.h"
#include "reference/apps/session.h"
#include "reference/core/processor.h"
#include "reference/io/cli.h"
#include "reference/io/host.h"

namespace {

/// What the person typed: "convoy" when convoy started this program, as it says in the environment.
std::string program_name() {
  const char* typed = std::getenv("CONVOY_TYPED_AS");
  return typed != nullptr && *typed != '\0' ? typed : "convoy-train";
}

}  // namespace

int main(int argc, char** argv) {
  convoy::require_processor();
  convoy::occupy_standard_descriptors();
  convoy::Session session(argc, argv);
  const std::string name = program_name();
  convoy::Verb app{"Trains networks on several ranks for real, and measures what that costs.", name};
  app.set_version_flag("--version", "convoy-train " + convoy::tool_version());
  app.require_subcommand(1);
  std::vector<const char*> typed(argv, argv + argc);
  typed.front() = name.c_str();
  const std::string command = convoy::command_line(argc, typed.data());
  convoy::add_train_verb(app, command, session);
  convoy::add_profile_verb(app, command, session);
  convoy::add_collective_verb(app, session);
  convoy::add_predict_verb(app);
  convoy::add_facts_verb(app);
  return session.end(convoy::run_cli(app, argc, argv));
}
