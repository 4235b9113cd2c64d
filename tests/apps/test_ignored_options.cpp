/// An option that would change nothing is refused with exit code 2 and a sentence that says what it is for: nobody should wonder
/// why typing it made no difference.
#include <string>
#include <vector>

#include "tests/apps/command.h"
#include "tests/catch.h"

using namespace convoy;

namespace {

struct Ignored {
  std::string verb;  ///< with what it needs besides
  std::string option;
  std::string sentence;  ///< on stderr
};

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

void refuse_all(const std::vector<Ignored>& rows) {
  for (const Ignored& row : rows) {
    const std::string line = row.verb + " " + row.option;
    CAPTURE(line);
    const command::Result result = command::run(line);
    CAPTURE(result.err);
    CHECK(result.exit_code == 2);
    CHECK(contains(result.err, row.option.substr(0, row.option.find(' '))));
    CHECK(contains(result.err, row.sentence));
  }
}

const std::string kSimulate = "simulate --model lenet5 --ranks 2 --batch 8 --cluster dgx-v100";
const std::string kTrain = "train --data synthetic --samples 16 --batch 8";

}  // namespace

TEST_CASE("options of a plan that another plan ignores are refused") {
  const std::string no_sums = "neither gradients nor statistics are summed over ranks";
  std::vector<Ignored> rows = {
      {kSimulate, "--split 2", "it is for --plan hybrid"},
      {kSimulate, "--inside spatial", "it is for --plan hybrid"},
      {kSimulate, "--pipeline 2", "it is for --plan hybrid"},
      {kSimulate, "--scheme b", "it is for --plan one_weird_trick"},
      {kSimulate, "--micro-batches 2", "it is for --plan pipeline"},
      {kSimulate, "--order gpipe", "it is for --plan pipeline"},
      {kSimulate, "--stages conv2", "it is for --plan pipeline"},
      {kSimulate, "--stages-per-rank 2", "it is for --plan pipeline"},
      {kSimulate, "--recompute all", "it is for --plan pipeline"},
      {kSimulate, "--servers 1", "it is for --plan parameter_server"},
      {kSimulate, "--servers-on own", "it is for --plan parameter_server"},
      {kSimulate, "--server-mode async", "it is for --plan parameter_server"},
      {kSimulate, "--accept 1", "it is for --plan parameter_server"},
      {kSimulate, "--bound 1", "it is for --plan parameter_server"},
      {kSimulate, "--keep 0.1", "it is for --compress top_k"},
      {kSimulate + " --plan filter", "--zero 1", "it is for --plan data"},
      {kSimulate + " --plan pipeline", "--stages-per-rank 2", "--order interleaved"},
      {kSimulate + " --plan parameter_server", "--bucket 1MiB", "gradients go to servers"},
      {kSimulate + " --plan parameter_server", "--chunks 2", "gradients go to servers"},
      {kSimulate + " --plan parameter_server", "--accept 1", "mode sync takes every push"},
      {kSimulate + " --plan parameter_server", "--bound 1", "mode sync has none"},
      {kSimulate + " --plan data_parallel_root", "--all-reduce halving_doubling", "reduced to a root"},
      {kSimulate + " --plan data_parallel_root", "--channels 2", "reduced to a root"},
  };
  for (const char* plan : {"pipeline", "filter", "channel"})
    for (const char* option : {"--all-reduce ring", "--chunks 2", "--channels 2", "--gradients bf16", "--statistics synchronised"})
      rows.push_back({kSimulate + " --plan " + plan, option, no_sums});
  refuse_all(rows);
}

TEST_CASE("what a simulation would ignore is refused") {
  refuse_all({
      {kSimulate, "--straggler-seed 3", "changes nothing without --jitter"},
      {kSimulate + " --collectives library", "--all-reduce ring", "chooses by itself"},
      {kSimulate + " --collectives library", "--chunks 2", "chooses by itself"},
      {kSimulate + " --collectives library", "--channels 2", "chooses by itself"},
      {kSimulate + " --mode evaluate", "--optimiser lars", "only goes forward"},
      {kSimulate + " --mode evaluate", "--gradients bf16", "only goes forward"},
      {kSimulate + " --mode evaluate", "--compress int8", "only goes forward"},
      {kSimulate + " --mode evaluate", "--bucket 1MiB", "only goes forward"},
      {kSimulate + " --all-reduce auto", "--chunks 2", "auto chooses channels and chunks too"},
      {"sweep --cluster dgx-v100 --vary ranks=1,2 --collectives library", "--chunks 2", "chooses by itself"},
      {"advise --cluster dgx-v100 --ranks 2", "--plan data", "advise chooses --plan by itself"},
      {"collective --list", "--bytes 4KiB", "changes nothing with --list"},
      {"collective --cluster ring-test", "--transport mpi", "takes --run"},
      {"collective --run", "--cluster ring-test", "would change nothing"},
      {"collective --run", "--fidelity flows", "would change nothing"},
      {"model", "--batch 4", "needs a network"},
      {"schedule", "--grid", "draws the order of a pipeline"},
  });
}

TEST_CASE("what a real run would ignore is refused") {
  refuse_all({
      {kTrain, "--trust 0.01", "it is for --optimiser lars"},
      {kTrain, "--step-epochs 2", "it is for --schedule step"},
      {kTrain, "--step-factor 0.5", "it is for --schedule step"},
      {kTrain, "--crop-padding 2", "it is for --augment crop"},
      {kTrain + " --augment flip", "--crop-padding 2", "it is for --augment crop"},
      {"train --data fashion-mnist", "--samples 16", "it is for --data synthetic"},
      {kTrain, "--straggler-seed 3", "changes nothing without --jitter"},
      {kTrain, "--collectives library", "takes --transport mpi"},
      {kTrain, "--checkpoint-every 2", "--checkpoint"},
      {kTrain + " --momentum 0", "--nesterov on", "--momentum is 0"},
      {kTrain + " --plan pipeline", "--all-reduce ring", "neither gradients nor statistics are summed over ranks"},
      {"profile --steps 1 --data synthetic", "--collectives library", "takes --transport mpi"},
  });
}
