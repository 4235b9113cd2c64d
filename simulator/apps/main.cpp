/// convoy: the command people type. Everything that runs for real is started as convoy-train.
#include <cstdio>
#include <string>
#include <vector>

#include "reference/core/error.h"
#include "reference/core/processor.h"
#include "reference/io/cli.h"
#include "reference/io/host.h"
#include "simulator/apps/output.h"
#include "simulator/apps/ranks.h"
#include "simulator/apps/simgrid_version.h"
#include "simulator/apps/start.h"
#include "simulator/apps/verbs.h"

namespace {

using namespace convoy;

constexpr const char* kShortHelp =
    "Convoy: parallel CNN training. Run it, simulate it, compare the two.\n"
    "\n"
    "Try this, in this order:\n"
    "  convoy doctor                                     what this machine has\n"
    "  convoy profile --model lenet5 --ranks 2           measure it\n"
    "  convoy train --model lenet5 --ranks 2 --json measured.json\n"
    "  convoy compare --run measured.json --profile profile.json\n"
    "  convoy simulate --model vgg16 --ranks 64 --batch-per-rank 32 --cluster dgx-v100 --gantt\n"
    "\n"
    "convoy --help lists all verbs, convoy VERB --help explains one.\n";

std::string version() { return cat("convoy ", tool_version(), " (SimGrid ", kSimGridVersion, ")"); }

/// Training has the options of convoy-train, which are its own business, --help included.
void add_train(Verb& app) {
  Verb* verb = add_verb(
      app, "train",
      "Train for real on this machine: starts convoy-train with the same options, through mpirun when ranks are to be processes.",
      {"convoy train --model lenet5 --ranks 2 --batch 64 --json measured.json", "convoy train --ranks 2 --transport mpi",
       "convoy train --help"});
  verb->prefix_command();
}

/// The same for what a trained network makes of pictures.
void add_predict(Verb& app) {
  Verb* verb = add_verb(app, "predict", "Say what a trained network sees in pictures: starts convoy-train with the same options.",
                            {"convoy predict --weights lenet5.safetensors shirt.png", "convoy predict --help"});
  verb->prefix_command();
}

int run(int argc, char** argv) {
  if (argc == 1) {
    std::fputs(kShortHelp, stdout);
    return 0;
  }
  const std::vector<std::string> words = with_help_option({argv + 1, argv + argc});
  if (words.front() == "train" || words.front() == "predict") {
    const Command command = command_for(words);
    become(command.program, command.arguments);
  }

  const Session session{.command = as_utf8(command_line(argc, argv))};
  remember_command(session.command);
  Verb app("Parallel CNN training: run it, simulate it, compare the two.", "convoy");
  app.set_version_flag("--version", version());
  app.require_subcommand(1);
  add_train(app);
  add_predict(app);
  add_profile(app);
  add_simulate(app, session);
  add_sweep(app, session);
  add_compare(app, session);
  add_accuracy(app, session);
  add_advise(app, session);
  add_failures(app, session);
  add_validate(app);
  add_calibrate(app);
  add_schedule(app);
  add_collective(app);
  add_model(app);
  add_cluster(app);
  add_plan(app);
  add_trace(app);
  add_doctor(app);
  app.footer(
      "convoy VERB --help explains one of them, beginning with examples. What networks, plans and clusters there are say\n"
      "convoy model, convoy plan list and convoy cluster.");
  return run_cli(app, argc, argv);
}

}  // namespace

int main(int argc, char** argv) {
  require_processor();
  try {
    return run(argc, argv);
  } catch (const InputError& error) {
    std::fprintf(stderr, "convoy: %s\n", error.what());
    return kExitInput;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "convoy: internal error: %s\n", error.what());
    return kExitInternal;
  }
}
