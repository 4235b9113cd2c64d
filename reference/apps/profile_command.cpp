#include <fmt/format.h>

#include <memory>
#include <optional>

#include "reference/apps/commands.h"
#include "reference/apps/cuda.h"
#include "reference/apps/options.h"
#include "reference/core/units.h"
#include "reference/data/open.h"
#include "reference/io/cli.h"
#include "reference/io/file.h"
#include "reference/model/zoo.h"
#include "reference/train/profiler.h"

namespace convoy {
namespace {

struct ProfileOptions {
  std::string model = "lenet5";
  PlanWords plan;
  std::string data;          ///< "": Fashion-MNIST when it is there and fits, else synthetic
  std::optional<int> batch;  ///< over all ranks
  std::vector<int> batches;  ///< of a rank; empty: not given
  TransportOptions ranks;
  int threads = default_threads();
  std::string bind = "on";
  std::optional<int> steps;
  std::string bucket = kDefaultBucket;
  std::int64_t seed = 1;
  std::string json;
  std::string backend = "cpu";
};

/// "88% of 67 TFLOP/s stated", or nothing where nothing is stated.
std::string beside(double measured, double stated, const std::string& in_words) {
  return stated > 0 ? fmt::format(", {:.0f}% of the {} that clock and width state", 100 * measured / stated, in_words) : "";
}

void print_device(std::FILE* out, const DeviceProfile& d) {
  fmt::print(out, "{}{}, {}: {}/s in multiply-adds of fp32{}\n", d.name, d.chip > 0 ? fmt::format(", chip {}", d.chip) : "",
             format_bytes(static_cast<double>(d.memory_bytes)), format_flops(d.flops_per_s),
             beside(d.flops_per_s, d.stated_flops_per_s, format_flops(d.stated_flops_per_s) + "/s"));
  fmt::print(out, "copying in its memory: {} read and written{}\n", format_bandwidth(d.bytes_per_s),
             beside(d.bytes_per_s, d.stated_bytes_per_s, format_bandwidth(d.stated_bytes_per_s)));
  fmt::print(out, "a kernel that does nothing: {}; copies to it: {}, pinned {}; from it: pinned {}\n", format_time(d.launch_s),
             format_bandwidth(d.upload_bytes_per_s), format_bandwidth(d.pinned_upload_bytes_per_s),
             format_bandwidth(d.pinned_download_bytes_per_s));
}

void print_profile(std::FILE* out, const Profile& profile) {
  fmt::print(out, "{:<10} {:<19} {:<24} {:>6} {:>9} {:>10} {:>10} {:>8}\n", "node", "op", "shape", "batch", "count", "time",
             "spread", "samples");
  for (const ProfileEntry& e : profile.entries)
    fmt::print(out, "{:<10} {:<19} {:<24} {:>6} {:>9} {:>10} {:>10} {:>8}\n", e.node.empty() ? "-" : e.node, to_string(e.kind),
               e.shape, e.batch, e.count, format_time(e.time_s), format_time(e.spread_s), e.samples);
  fmt::print(out, "\nimages: {}\n", profile.data);
  if (profile.device)
    print_device(out, *profile.device);
  else
    fmt::print(out, "one core of {}: {}/s in a matrix product, {} when copying\n", profile.machine,
               format_flops(profile.peak_flops_per_s), format_bandwidth(profile.memory_bandwidth_bytes_per_s));
  if (const auto& t = profile.transport)
    fmt::print(out, "messages between {}: latency {}, bandwidth {}, adding takes {} more for each MB\n", t->name,
               format_time(t->latency_s), format_bandwidth(t->bandwidth_bytes_per_s), format_time(t->add_s_per_byte * 1e6));
}

/// Images of a step on a rank, each size that occurs: 64 on 3 ranks are 22 and 21.
std::vector<int> batches_of(const ProfileOptions& options, int ranks) {
  if (!options.batch) return options.batches.empty() ? std::vector<int>{kDefaultBatchPerRank} : options.batches;
  require_at_least("--batch", *options.batch, ranks);
  std::vector<int> batches = {static_cast<int>((std::int64_t{*options.batch} + ranks - 1) / ranks)};
  if (*options.batch % ranks != 0) batches.push_back(*options.batch / ranks);
  return batches;
}

/// The data that was asked for, or else the data that training takes by default, when it is there and the model takes it.
std::string data_source(const ProfileOptions& options, const Model& model) {
  if (!options.data.empty()) return options.data;
  const bool fits = model.image == DataRequest{}.image && model.classes >= DataRequest{}.classes;
  return fits && find_fashion_mnist() ? "fashion-mnist" : "synthetic";
}

/// What is made of the options before anything runs.
struct Prepared {
  Plan plan;
  Model model;
  ProfileSettings settings;
  std::string source;
  TrainingData data;
  Transport transport;
};

Prepared prepare(ProfileOptions options, const Verb& verb, const Session& session) {
  refuse_typed(verb, {"--channels", "--ranks-per-node"}, "in a profile, which times compute ops and single messages; leave it out");
  if (options.steps) require_between("--steps", *options.steps, 1, 1'000'000);
  if (session.is_root()) require_writable(options.json);
  const bool cuda = is_cuda(options.backend);
  options.ranks = ranks_of(options.plan, options.ranks);
  if (cuda) prepare_cuda(options.plan, options.ranks);
  const int ranks = checked_ranks(options.ranks, session);
  ScheduleChoice choice = choice_of(
      {.model = options.model, .plan = options.plan, .bucket = options.bucket, .threads = options.threads, .seed = options.seed},
      ranks);
  if (choice.servers.count > 0)
    throw InputError("workers of a plan with servers compute what ranks of plan data do; use --plan data --ranks WORKERS, and simulate "
                     "with that profile");
  if (cuda) {
    choice.fusion = Fusion::off;
    choice.layout = ActivationLayout::nchw;
  }
  Transport transport = cuda ? device_transport(use_cuda()) : session.transport(options.ranks);
  know_machine(choice, transport.topology);
  if (options.plan.from_file() && !options.batch && options.batches.empty()) options.batch = choice.global_batch;
  const std::vector<int> batches = batches_of(options, ranks);
  for (const int batch : batches) require_between("--batch-per-rank", batch, 1, INT32_MAX / ranks);
  const Model model = model_of(choice);
  const std::string source = data_source(options, model);
  const auto seed = static_cast<std::uint64_t>(options.seed);
  TrainingData data = open_data({.source = source,
                                 .image = model.image,
                                 .classes = model.classes,
                                 .model = model.name,
                                 .synthetic_count = 0,
                                 .seed = seed});
  const ProfileSettings settings{.batches = batches,
                                 .concurrent = ranks,
                                 .threads = options.threads,
                                 .bind = parse_on_off("--bind", options.bind),
                                 .steps = options.steps.value_or(0),
                                 .seed = seed,
                                 .device = cuda ? &use_cuda() : nullptr};
  return {plan_of(choice), model, settings, source, std::move(data), std::move(transport)};
}

void run_profile(const ProfileOptions& options, const Verb& verb, const std::string& command, Session& session) {
  Prepared made = session.together([&] { return prepare(options, verb, session); });
  made.settings.data = &made.data;
  Profile result = profile(made.model, made.plan, made.settings, made.transport);
  result.data = made.source;
  result.command = command;
  result.date = today();
  session.together([&] {
    if (!session.is_root()) return true;
    print_profile(table_stream(options.json), result);
    write_json(options.json, to_json(result));
    return true;
  });
}

}  // namespace

void add_profile_verb(Verb& app, const std::string& command, Session& session) {
  Verb* verb =
      add_verb(app, "profile", "Measures every compute op of a model while all ranks run, and messages between ranks.",
               {app.get_name() + " profile --ranks 2 --batch 64 --json profile.json",
                app.get_name() + " profile --backend cuda --model resnet50 --batch-per-rank 8,32 --json gpu.json",
                app.get_name() + " profile --model vgg16 --ranks 1 --batch-per-rank 1 --steps 3 --json vgg16.json"});
  const auto options = std::make_shared<ProfileOptions>();
  verb->begin_group(kStepHeading);
  verb->add_option("--model", options->model, model_help())->capture_default_str()->type_name("NAME");
  options->plan.add_to(*verb);
  verb->begin_group(kRanksHeading);
  add_transport_options(*verb, options->ranks);
  verb->begin_group(kStepHeading);
  Option* batch = verb->add_option("--batch", options->batch, "Images of a step over all ranks");
  verb->add_option("--batch-per-rank", options->batches,
                   cat("Images of a step on each rank [", kDefaultBatchPerRank, "]; several may be given: 16,32"))
      ->delimiter(',')
      ->excludes(batch);
  add_backend_option(*verb, options->backend);
  verb->add_option("--threads", options->threads, kThreadsHelp)->capture_default_str();
  verb->add_option("--bind", options->bind, "on: each rank on cores of its own, while there are enough")->capture_default_str();
  verb->begin_group("What is measured");
  verb->add_option(
      "--data", options->data,
      "fashion-mnist, synthetic, or a folder of IDX files (default: fashion-mnist if it is there and fits the model)");
  verb->add_option("--steps", options->steps, "Steps measured for each batch (default: for about 0.3 s, at least 20)");
  verb->add_option("--bucket", options->bucket, "Gradients reduced and updated together")->capture_default_str();
  verb->add_option("--seed", options->seed, "Seed of weights and images")->capture_default_str();
  verb->add_option("--json", options->json, "Write the profile to this file; - is stdout")->type_name("FILE");
  verb->callback([options, verb, command, &session] { run_profile(*options, *verb, command, session); });
}

}  // namespace convoy
