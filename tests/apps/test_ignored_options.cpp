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
      {kSimulate + " --plan sharded_optimizer", "--ranks-per-node 2", "ranks form one ring"},
      {kSimulate, "--ranks-per-node 2", "it is for --all-reduce hierarchical, torus, auto, or ring with --channels 2"},
      {kSimulate + " --all-reduce halving_doubling", "--ranks-per-node 2", "does not look at nodes"},
      {kSimulate + " --all-reduce double_binary_tree", "--ranks-per-node 2", "does not look at nodes"},
      {kSimulate + " --zero 1", "--ranks-per-node 2", "gradients are scattered"},
      {kSimulate + " --zero 3", "--ranks-per-node 2", "gradients are scattered"},
      {kSimulate + " --plan channel", "--overlap off", "nothing is left to compute"},
      {kSimulate + " --plan spatial", "--statistics synchronised", "always those of all ranks"},
  };
  for (const char* plan : {"pipeline", "filter", "channel", "megatron"})
    for (const char* option : {"--all-reduce ring", "--chunks 2", "--channels 2", "--gradients bf16", "--statistics synchronised",
                               "--ranks-per-node 2"})
      rows.push_back({kSimulate + " --plan " + plan, option, no_sums});
  refuse_all(rows);
}

TEST_CASE("ranks of a node are taken by whatever looks at nodes") {
  for (const char* options : {"--all-reduce torus", "--all-reduce hierarchical", "--all-reduce ring --channels 2"}) {
    const std::string line = std::string("schedule --ranks 8 --batch 8 --ranks-per-node 2 ") + options;
    CAPTURE(line);
    const command::Result result = command::run(line);
    CAPTURE(result.err);
    CHECK(result.exit_code == 0);
  }
}

TEST_CASE("what an evaluation would ignore is refused, and what it would not is taken") {
  const std::string only_forward = "only goes forward", evaluate = kSimulate + " --mode evaluate";
  std::vector<Ignored> rows;
  for (const char* option : {"--optimiser lars", "--gradients bf16", "--compress int8", "--bucket 1MiB", "--accumulate 2",
                             "--overlap off", "--zero 1", "--all-reduce halving_doubling", "--chunks 2"})
    rows.push_back({evaluate, option, only_forward});
  for (const char* option : {"--server-mode async", "--servers 2"})
    rows.push_back({evaluate + " --plan parameter_server", option, only_forward});
  for (const char* option : {"--local-steps 2", "--local-momentum restart"})
    rows.push_back({evaluate + " --plan local_sgd", option, only_forward});
  for (const char* option : {"--recompute all", "--order gpipe"})
    rows.push_back({evaluate + " --plan pipeline", option, only_forward});
  refuse_all(rows);
  for (const char* options : {"--plan spatial --overlap off", "--plan pipeline --overlap off", "--plan data --zero 3",
                              "--plan hybrid --inside spatial --split 2 --overlap off", "--plan pipeline --order interleaved",
                              "--plan parameter_server --servers 1 --servers-on own"}) {
    const std::string line = std::string("schedule --ranks 2 --batch 8 --mode evaluate ") + options;
    CAPTURE(line);
    const command::Result result = command::run(line);
    CAPTURE(result.err);
    CHECK(result.exit_code == 0);
  }
}

TEST_CASE("what a simulation would ignore is refused") {
  refuse_all({
      {kSimulate, "--straggler-seed 3", "changes nothing without --jitter"},
      {kSimulate + " --collectives library", "--all-reduce ring", "chooses by itself"},
      {kSimulate + " --collectives library", "--chunks 2", "chooses by itself"},
      {kSimulate + " --collectives library", "--channels 2", "chooses by itself"},
      {kSimulate + " --all-reduce auto", "--chunks 2", "auto chooses channels and chunks too"},
      {"sweep --cluster dgx-v100 --vary ranks=1,2 --collectives library", "--chunks 2", "chooses by itself"},
      {"advise --cluster dgx-v100 --ranks 2", "--plan data", "advise chooses --plan by itself"},
      {"collective --list", "--bytes 4KiB", "changes nothing with --list"},
      {"collective --cluster ring-test", "--transport mpi", "takes --run"},
      {"collective --cluster dgx-v100 --collectives library", "--transport mpi", "takes --run"},
      {"collective broadcast --cluster dgx-v100 --collectives library", "--algorithm tree",
       "NCCL carries out broadcast in one way"},
      {"collective all_gather --cluster dgx-v100 --collectives library", "--algorithm ring",
       "NCCL carries out all_gather in one way"},
      {"collective all_to_all --cluster ring-test --collectives library", "--algorithm ring",
       "MPI carries out all_to_all in one way"},
      {"collective --run", "--cluster ring-test", "would change nothing"},
      {"collective --run", "--fidelity flows", "would change nothing"},
      {"model", "--batch 4", "needs a network"},
      {"schedule", "--grid", "draws the order of a pipeline"},
      {"simulate --ranks 2 --cluster ring-test", "--epoch-images 1000", "states no rates"},
      {"sweep --cluster dgx-v100 --vary ranks=1,2", "--restart", "without --csv"},
      {"schedule --grid --plan pipeline", "--rank 0", "the order of all ranks"},
      {"schedule --grid --plan pipeline", "--mode evaluate", "the order of all ranks"},
      {"plan write", "--mode evaluate", "for training and evaluating alike"},
      {"trace timeline.json --chrome chrome.json", "--step 1", "without --svg"},
      {"failures --ranks 2 --cluster dgx-v100 --checkpoint-time 1s", "--checkpoint-bandwidth 1GB/s", "with --checkpoint-time"},
      {"failures --ranks 2 --cluster dgx-v100", "--link-mtbf 100h", "on one node"},
      {"failures --ranks 2 --cluster dgx-v100", "--mode evaluate", "about training"},
      {"calibrate --run --ranks 2", "--kind broadcast", "measures all_reduce"},
      {"calibrate --run --ranks 2", "--nodes 2", "this one node"},
      {"collective --cluster dgx-v100", "--cost roofline", "no compute ops"},
      {"collective --cluster dgx-v100 --collectives library", "--fidelity steps", "takes formulas"},
      {"collective --cluster dgx-v100 --collectives library", "--nodes-of 2", "the nodes of the cluster"},
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
      {kTrain + " --plan local_sgd --momentum 0", "--local-momentum restart", "it is for --momentum 0.9"},
      {kTrain, "--cluster dgx-v100", "with --transport smpi"},
      {kTrain + " --backend cuda", "--fusion on", "take layers as they are"},
      {kTrain + " --backend cuda", "--layout blocked", "take layers as they are"},
      {kTrain + " --collectives library", "--all-reduce ring", "chooses by itself"},
      {kTrain + " --collectives library", "--channels 2", "chooses by itself"},
      {"collective --run --collectives library", "--algorithm ring", "chooses by itself"},
      {"collective --run --collectives library", "--chunks 2", "chooses by itself"},
      {"profile --steps 1 --data synthetic", "--collectives library", "takes --transport mpi"},
      {"profile --steps 1 --data synthetic", "--channels 2", "single messages"},
  });
}
