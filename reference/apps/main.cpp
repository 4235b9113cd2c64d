/// convoy-train: everything that runs for real. The command people type is convoy, which starts this one.
#include "reference/apps/commands.h"
#include "reference/io/cli.h"
#include "reference/io/host.h"

int main(int argc, char** argv) {
  CLI::App app{"Trains networks on several ranks for real, and measures what that costs.", "convoy-train"};
  app.set_version_flag("--version", "convoy-train " + convoy::tool_version());
  app.require_subcommand(1);
  const std::string command = convoy::command_line(argc, argv);
  convoy::add_train_verb(app, command);
  convoy::add_profile_verb(app, command);
  convoy::add_collective_verb(app);
  convoy::add_facts_verb(app);
  return convoy::run_cli(app, argc, argv);
}
