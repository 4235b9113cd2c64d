/// Plan: how one training step is spread over ranks, as a value. make_schedule turns model and plan into a schedule.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "reference/model/model.h"
#include "reference/plans/choose_collectives.h"
#include "reference/plans/pipeline.h"
#include "reference/plans/rule.h"
#include "reference/schedule/schedule.h"

namespace convoy {

/// When one weird trick hands the convolutional part's output to the fully connected part (Krizhevsky 2014, section 4).
enum class ExchangeScheme : std::uint8_t {
  a,  ///< all images of all ranks at once
  b,  ///< the images of one rank after another
  c,  ///< as many times as there are ranks, an equal part of every rank's images
};
std::string_view to_string(ExchangeScheme scheme);
ExchangeScheme parse_exchange_scheme(std::string_view name);

/// Whether layers are fused before the schedule is made (model/fuse.h). Automatic: on where our CPU kernels run, else off.
enum class Fusion : std::uint8_t { automatic, off, on };
std::string_view to_string(Fusion fusion);
Fusion parse_fusion(std::string_view name);

/// How activations lie in memory. Blocked: nchw16c where kernels know it and no axis divides the tensor but by images, nchw
/// elsewhere. Automatic: blocked where our CPU kernels run, else nchw.
enum class ActivationLayout : std::uint8_t { automatic, nchw, blocked };
std::string_view to_string(ActivationLayout layout);
ActivationLayout parse_activation_layout(std::string_view name);
/// What the update of the weights needs to know. Its numbers are a matter of training, not of the schedule.
enum class Optimiser : std::uint8_t {
  sgd,   ///< nothing but weights, gradients and momentum
  lars,  ///< the norms of every learned tensor and of its gradient, which are sums over the ranks that have parts of it
};
std::string_view to_string(Optimiser optimiser);
Optimiser parse_optimiser(std::string_view name);

/// How gradients are made smaller before they travel: see plans/compressed_schedule.h.
struct Compression {
  std::string method = "none";  ///< none, top_k, int8
  double keep = 0.01;           ///< top_k: the share of a bucket's gradients that is sent
  friend bool operator==(const Compression&, const Compression&) = default;
};
/// The same word; an InputError names the nearest.
std::string compression_method(const std::string& word);

/// The most channels that a plan may ask for.
inline constexpr int kMostPlanChannels = 64;
/// Parameter servers: see plans/parameter_server.cpp.
struct PlanServers {
  int count = 0;              ///< 0: none, gradients are summed by collectives
  bool own_ranks = false;     ///< behind those of the workers; else they share ranks with workers, evenly spaced
  bool on_hosts = false;      ///< with own_ranks: in a simulated cluster these are processors of nodes, and no devices
  std::string mode = "sync";  ///< a name of serve_modes()
  int accept = 0;             ///< backup: pushes that make an update
  int bound = 0;              ///< ssp: iterations that a worker may be ahead of the slowest
  friend bool operator==(const PlanServers&, const PlanServers&) = default;
};
/// Where servers stand, in a word: "workers", "own" or "hosts".
std::string_view place_of(const PlanServers& servers);
/// The same servers in that place; an InputError names the nearest word.
PlanServers placed(PlanServers servers, const std::string& place);

/// What becomes of the momentum when local SGD averages weights: see plans/local_sgd.cpp.
enum class LocalMomentum : std::uint8_t {
  average,  ///< it is averaged as the weights are
  restart,  ///< it begins with 0 in every round
  keep,     ///< every rank goes on with its own
};
std::string_view to_string(LocalMomentum momentum);
LocalMomentum parse_local_momentum(std::string_view name);

/// The most steps of a round: every one is written out in the schedule.
inline constexpr int kMostLocalSteps = 4096;
/// Local SGD: see plans/local_sgd.cpp.
struct PlanLocal {
  int steps = 0;   ///< updates that every rank makes by itself before weights are averaged; 0: gradients are summed instead
  LocalMomentum momentum = LocalMomentum::average;
  int images = 0;  ///< of a round; 0: those of `steps` steps. Filled in by with_batch(), no part of a plan's file
  friend bool operator==(const PlanLocal&, const PlanLocal&) = default;
};

struct Plan {
  std::string name = "data";
  Mesh mesh{{{"data", 1}}};
  int global_batch = 1;                            ///< images of one step, over all ranks
  int batch_axis = 0;                              ///< axis of the mesh that divides the images before everything else; -1: none
  std::vector<std::string> strategies = {"data"};  ///< by axis: the named plan whose rules divide the nodes on it
  std::map<std::string, std::map<std::string, Rule>> overrides = {};  ///< node -> axis -> rule, where it is another
  DType dtype = DType::f32;                                           ///< of all buffers
  std::optional<DType> gradient_dtype = {};  ///< in which weight gradients are summed over ranks, when not `dtype`: f16, bf16
  std::string precision = "fp32";            ///< arithmetic of compute ops: fp32, tf32, fp16, bf16, fp64
  bool synchronised_statistics = false;      ///< BatchNorm2d: over all images of the step; else over those of each rank
  bool at_root = false;  ///< rank 0 alone loads images, keeps the weights up to date and hands both out (PyTorch's DataParallel)
  ExchangeScheme scheme = ExchangeScheme::a;  ///< b and c need rules that change from `batch` to others once, see one_weird_trick
  bool overlap = true;                        ///< communicate while computing goes on; else one after the other
  std::int64_t bucket_bytes = 25 * 1024 * 1024;  ///< PyTorch DDP's default
  std::string all_reduce = "ring";  ///< collective algorithm of gradients; auto: chosen for every bucket by choose_collectives()
  int chunks = 1;
  int channels = 0;        ///< of the algorithm of gradients; 0: as many as it usually has
  int ranks_per_node = 0;  ///< consecutive ranks that share a node, for algorithms that want to know; 0: unknown
  /// What auto chooses for. Filled in by whoever knows the machine; no part of a plan's file.
  std::optional<GroupTopology> machine = {};
  Fusion fusion = Fusion::automatic;                      ///< for model_for(); make_schedule() takes the model as it is
  ActivationLayout layout = ActivationLayout::automatic;  ///< make_schedule() takes automatic for nchw
  /// Parts of every rank's images that go forward and backward one after the other, into one gradient: so much less memory of
  /// activations. BatchNorm2d has statistics of its own for each part.
  int accumulate = 1;
  Optimiser optimiser = Optimiser::sgd;
  PlanServers servers = {};
  Compression compression = {};
  PlanLocal local = {};
  int zero = 0;            ///< stage of ZeRO, 1 to 3, of plan data: see plans/sharded_optimizer.cpp; 0: nothing is divided
  Pipeline pipeline = {};  ///< of the axis with the strategy 'pipeline', when there is one
  friend bool operator==(const Plan&, const Plan&) = default;
};

/// What a named plan is asked for.
struct PlanRequest {
  int ranks = 1;
  int global_batch = 1;
  int split = 0;                              ///< hybrid: ranks of the inner axis; 0: two
  std::string inside = "filter";              ///< hybrid: the plan of the inner axis
  ExchangeScheme scheme = ExchangeScheme::a;  ///< one_weird_trick
  PlanServers servers = {.count = 1};         ///< parameter_server
  int zero = 0;                               ///< sharded_optimizer: its stage; 0: the first
  PlanLocal local = {};                       ///< local_sgd; of 0 steps: 4
  int pipeline = 1;                           ///< hybrid: ranks in a row of pipelines, between data and the inner axis
};

/// One row of the table of named plans.
struct NamedPlan {
  std::string_view name;
  std::string_view summary;
  Plan (*make)(const PlanRequest&);
  /// The rule of every node on an axis with this many ranks; null for plans that combine others.
  std::vector<Rule> (*rules)(const Model&, int extent);
};
std::span<const NamedPlan> named_plans();
/// The row of this name; an InputError names the nearest.
const NamedPlan& named_plan(std::string_view name);
/// The plan of this name; an InputError names the nearest.
Plan make_plan(std::string_view name, const PlanRequest& request);
/// The rule of every node on every axis, [node][axis]. An InputError names a strategy, node or axis that does not exist.
std::vector<std::vector<Rule>> rules_of(const Model& model, const Plan& plan);

/// The model with layers fused as far as the plan allows (model/fuse.h): nothing that the plan names, in its overrides or where
/// its pipeline is cut, disappears, and no ReLU joins a layer whose output is a sum over ranks, since ReLU comes after the sum.
Model fused_for(const Model& model, const Plan& plan);
/// The model that runs under a plan: fused_for() with Plan::fusion on, else as it is.
Model model_for(const Model& model, const Plan& plan);

/// A training step (forward, backward, update) or an evaluation (forward only).
enum class Mode : std::uint8_t { train, evaluate };

/// Images of an iteration of a plan's training schedule: those of a step, of local SGD those of a round.
std::int64_t images_of_iteration(const Plan& plan);
/// The same plan for an iteration of another number of images, like the last of an epoch. A round of local SGD then has as many
/// steps as it takes for none to have more images than before. Scheme c becomes a where so many images
/// cannot be divided as it does: the sums are the same, but for the images over which BatchNorm2d has statistics of its own.
Plan with_batch(Plan plan, int images);

/// The schedule of one step. What all_reduce = auto became goes into `choices`, if there is such a list. Throws
/// std::invalid_argument for a plan that makes no sense; an InputError for an algorithm that cannot sum the gradients of this
/// plan, and for auto without a machine.
Schedule make_schedule(const Model& model, const Plan& plan, Mode mode = Mode::train,
                       std::vector<AutomaticChoice>* choices = nullptr);

/// The micro-batches of a pipeline of so many ranks, of which nobody said how many.
int default_micro_batches(int ranks, int images);

// One per named plan, defined in the file that explains it.
extern const NamedPlan data_plan;
extern const NamedPlan data_parallel_root_plan;
extern const NamedPlan filter_plan;
extern const NamedPlan channel_plan;
extern const NamedPlan megatron_plan;
extern const NamedPlan spatial_plan;
extern const NamedPlan one_weird_trick_plan;
extern const NamedPlan pipeline_plan;
extern const NamedPlan hybrid_plan;
extern const NamedPlan parameter_server_plan;
extern const NamedPlan sharded_optimizer_plan;
extern const NamedPlan local_sgd_plan;

}  // namespace convoy
