#include "reference/io/report.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "reference/io/json_fields.h"
#include "reference/io/model_file.h"
#include "reference/io/plan_file.h"
#include "reference/model/zoo.h"
#include "reference/plans/stages.h"
#include "reference/schedule/memory.h"

namespace convoy {
namespace {

using nlohmann::ordered_json;

constexpr std::array<std::string_view, 3> kProvenanceNames = {"measured", "simulated", "formula"};

/// "load", "forward", ..., in the order of Phase.
std::vector<std::string> phase_names() {
  std::vector<std::string> names;
  for (int i = 0; i < kPhaseCount; ++i) names.emplace_back(to_string(static_cast<Phase>(i)));
  return names;
}

Provenance parse_provenance(JsonFields& fields, const std::string& name) {
  const std::string word = fields.text(name);
  for (std::size_t i = 0; i < kProvenanceNames.size(); ++i)
    if (word == kProvenanceNames.at(i)) return static_cast<Provenance>(i);
  fields.problem(name, cat("is '", word, "', expected measured, simulated or formula"));
  return Provenance::formula;
}

ordered_json rank_json(const RankTimes& times) {
  return {{"rank", times.rank},
          {"ranks", times.ranks},
          {"step_s", times.step_s},
          {"compute_s", times.compute_s},
          {"exposed_communication_s", times.exposed_communication_s},
          {"hidden_communication_s", times.hidden_communication_s},
          {"wait_s", times.wait_s},
          {"bubble_s", times.bubble_s}};
}

RankTimes parse_rank(JsonFields fields) {
  const RankTimes times{.rank = fields.small_integer("rank"),
                        .ranks = fields.small_integer("ranks", 1),
                        .step_s = fields.number("step_s"),
                        .compute_s = fields.number("compute_s"),
                        .exposed_communication_s = fields.number("exposed_communication_s"),
                        .hidden_communication_s = fields.number("hidden_communication_s"),
                        .wait_s = fields.number("wait_s"),
                        .bubble_s = fields.number("bubble_s")};
  fields.require_all_known();
  return times;
}

ordered_json machine_json(const GroupTopology& machine) {
  return {{"ranks_per_node", machine.ranks_per_node},
          {"in_node_latency_s", machine.in_node.latency_s},
          {"in_node_bandwidth_bytes_per_s", machine.in_node.bandwidth_bytes_per_s},
          {"between_nodes_latency_s", machine.between_nodes.latency_s},
          {"between_nodes_bandwidth_bytes_per_s", machine.between_nodes.bandwidth_bytes_per_s},
          {"nics_per_node", machine.nics_per_node}};
}

GroupTopology parse_machine(JsonFields fields) {
  GroupTopology machine{
      .ranks_per_node = fields.small_integer("ranks_per_node"),
      .in_node = {fields.number("in_node_latency_s"), fields.positive_number("in_node_bandwidth_bytes_per_s")},
      .between_nodes = {fields.number("between_nodes_latency_s"), fields.positive_number("between_nodes_bandwidth_bytes_per_s")},
      .nics_per_node = fields.small_integer("nics_per_node", 1)};
  fields.require_all_known();
  return machine;
}

/// Lists as they are typed.
ordered_json pipeline_json(const PipelineChoice& choice) {
  const Pipeline& settings = choice.settings;
  std::vector<std::string> recompute;
  for (const int stage : settings.recompute) recompute.push_back(cat(stage));
  return {{"ranks", choice.ranks},
          {"micro_batches", settings.micro_batches},
          {"order", settings.order},
          {"table", settings.table},
          {"stages_per_rank", settings.stages_per_rank},
          {"stages", join_list(settings.cuts)},
          {"recompute", choice.recompute_all ? "all" : join_list(recompute)}};
}

void parse_pipeline_choice(PipelineChoice& choice, JsonFields fields) {
  choice.ranks = fields.small_integer("ranks", 1);
  choice.settings.micro_batches = fields.small_integer("micro_batches");
  choice.settings.stages_per_rank = fields.small_integer("stages_per_rank", 1);
  choice.settings.order = fields.text("order");
  for (const nlohmann::json& row : fields.array("table"))
    if (row.is_string()) choice.settings.table.push_back(row.get<std::string>());
  try {
    put({.stages = fields.text("stages"), .recompute = fields.text("recompute")}, choice);
    if (choice.settings.order != kOwnOrder) (void)pipeline_order(choice.settings.order);
  } catch (const InputError& error) {
    fields.problem("order", error.what());
  }
  fields.require_all_known();
}

ordered_json schedule_json(const ScheduleChoice& choice) {
  ordered_json json = {{"model", choice.model},           {"plan", choice.plan},
                       {"ranks", choice.ranks},           {"global_batch", choice.global_batch},
                       {"overlap", choice.overlap},       {"bucket_bytes", choice.bucket_bytes},
                       {"all_reduce", choice.all_reduce}, {"chunks", choice.chunks},
                       {"precision", choice.precision}};
  if (choice.channels > 0) json["channels"] = choice.channels;
  if (choice.ranks_per_node > 0) json["ranks_per_node"] = choice.ranks_per_node;
  if (choice.machine) json["chosen_for"] = machine_json(*choice.machine);
  if (choice.split > 0) json["split"] = choice.split;
  json["inside"] = choice.inside;
  json["scheme"] = to_string(choice.scheme);
  if (choice.gradient_dtype) json["gradients"] = to_string(*choice.gradient_dtype);
  if (choice.accumulate != 1) json["accumulate"] = choice.accumulate;
  if (choice.optimiser != Optimiser::sgd) json["optimiser"] = to_string(choice.optimiser);
  if (choice.compression.method != "none")
    json["compression"] = {{"method", choice.compression.method}, {"keep", choice.compression.keep}};
  if (choice.zero != 0) json["zero"] = choice.zero;
  if (choice.local.steps > 0)
    json["local_sgd"] = {{"steps", choice.local.steps}, {"momentum", to_string(choice.local.momentum)}};
  if (const PlanServers& servers = choice.servers; servers.count > 0)
    json["servers"] = {{"count", servers.count},
                       {"on", place_of(servers)},
                       {"mode", servers.mode},
                       {"accept", servers.accept},
                       {"bound", servers.bound}};
  if (choice.pipeline != PipelineChoice{}) json["pipeline"] = pipeline_json(choice.pipeline);
  json["statistics"] = choice.synchronised_statistics ? "synchronised" : "local";
  json["fusion"] = to_string(choice.fusion);
  json["layout"] = to_string(choice.layout);
  if (!choice.plan_yaml.empty()) json["plan_yaml"] = choice.plan_yaml;
  return json;
}

/// What reports before version 0.2 did not say.
void parse_plan_choice(ScheduleChoice& choice, JsonFields& fields) {
  if (fields.has("split")) choice.split = fields.small_integer("split");
  if (fields.has("channels")) choice.channels = fields.small_integer("channels");
  if (fields.has("ranks_per_node")) choice.ranks_per_node = fields.small_integer("ranks_per_node");
  if (fields.has("chosen_for")) choice.machine = parse_machine(fields.object("chosen_for"));
  if (fields.has("accumulate")) choice.accumulate = fields.small_integer("accumulate", 1);
  parse_optional(fields, "optimiser", [&](const std::string& word) { choice.optimiser = parse_optimiser(word); });
  if (fields.has("compression")) {
    JsonFields compression = fields.object("compression");
    choice.compression = {.method = compression.text("method"), .keep = compression.number("keep")};
    compression.require_all_known();
  }
  if (fields.has("zero")) choice.zero = fields.small_integer("zero");
  if (fields.has("local_sgd")) {
    JsonFields local = fields.object("local_sgd");
    choice.local.steps = local.small_integer("steps", 1);
    parse_optional(local, "momentum", [&](const std::string& word) { choice.local.momentum = parse_local_momentum(word); });
    local.require_all_known();
  }
  if (fields.has("servers")) {
    JsonFields servers = fields.object("servers");
    choice.servers = {.count = servers.small_integer("count", 1),
                      .mode = servers.text("mode"),
                      .accept = servers.small_integer("accept"),
                      .bound = servers.small_integer("bound")};
    parse_optional(servers, "on", [&](const std::string& word) { choice.servers = placed(choice.servers, word); });
    servers.require_all_known();
  }
  if (fields.has("pipeline")) parse_pipeline_choice(choice.pipeline, fields.object("pipeline"));
  parse_optional(fields, "inside", [&](const std::string& word) { choice.inside = named_plan(word).name; });
  parse_optional(fields, "scheme", [&](const std::string& word) { choice.scheme = parse_exchange_scheme(word); });
  parse_optional(fields, "gradients", [&](const std::string& word) { choice.gradient_dtype = parse_dtype(word); });
  parse_optional(fields, "statistics", [&](const std::string& word) { choice.synchronised_statistics = parse_statistics(word); });
  choice.fusion = Fusion::off;
  choice.layout = ActivationLayout::nchw;
  parse_optional(fields, "fusion", [&](const std::string& word) { choice.fusion = parse_fusion(word); });
  parse_optional(fields, "layout", [&](const std::string& word) { choice.layout = parse_activation_layout(word); });
  parse_optional(fields, "plan_yaml",
                 [&](const std::string& yaml) { choice.plan_yaml = to_yaml(parse_plan(yaml, "plan_yaml")); });
}

ScheduleChoice parse_schedule_choice(JsonFields fields) {
  ScheduleChoice choice{.model = fields.text("model"),
                        .plan = fields.text("plan"),
                        .ranks = fields.small_integer("ranks"),
                        .global_batch = fields.small_integer("global_batch"),
                        .overlap = fields.flag("overlap"),
                        .bucket_bytes = fields.integer("bucket_bytes"),
                        .all_reduce = fields.text("all_reduce"),
                        .chunks = fields.small_integer("chunks"),
                        .precision = fields.text("precision")};
  parse_plan_choice(choice, fields);
  fields.require_all_known();
  return choice;
}

/// What there is of every epoch, with its name in JSON.
constexpr std::array<std::pair<const char*, std::vector<double> RunReport::*>, 5> kPerEpoch = {
    {{"train_loss_per_epoch", &RunReport::train_loss_per_epoch},
     {"test_accuracy_per_epoch", &RunReport::test_accuracy_per_epoch},
     {"train_accuracy_per_epoch", &RunReport::train_accuracy_per_epoch},
     {"test_loss_per_epoch", &RunReport::test_loss_per_epoch},
     {"time_s_per_epoch", &RunReport::time_s_per_epoch}}};

/// Names of the values that came out, as they stand in JSON.
std::vector<std::string> value_names(const RunReport& report) {
  std::vector<std::string> names = {
      "step_time_s", "compute_s",   "exposed_communication_s", "hidden_communication_s", "wait_s", "bubble_s",
      "phases_s",    "images_per_s"};
  if (!report.ranks.empty()) names.emplace_back("ranks");
  if (report.test_accuracy) names.emplace_back("test_accuracy");
  for (const auto& [name, values] : kPerEpoch)
    if (!(report.*values).empty()) names.emplace_back(name);
  if (!report.memory_bytes.empty()) names.emplace_back("memory_bytes");
  if (!report.accuracy_curve.empty()) names.emplace_back("accuracy_curve");
  if (report.serving) names.emplace_back("serving");
  return names;
}

ordered_json point_json(const AccuracyPoint& point) {
  return {{"steps", point.steps},
          {"epochs", point.epochs},
          {"training_time_s", point.time_s},
          {"test_accuracy", point.test_accuracy},
          {"test_loss", point.test_loss}};
}

AccuracyPoint parse_point(JsonFields fields) {
  const AccuracyPoint point{.steps = fields.integer("steps"),
                            .epochs = fields.number("epochs"),
                            .time_s = fields.number("training_time_s"),
                            .test_accuracy = fields.number("test_accuracy"),
                            .test_loss = fields.number("test_loss")};
  fields.require_all_known();
  return point;
}

ordered_json stragglers_json(const Stragglers& stragglers) {
  ordered_json slow = ordered_json::object();
  for (const auto& [rank, factor] : stragglers.slow) slow[std::to_string(rank)] = factor;
  return {{"slow_ranks", slow}, {"jitter_mean", stragglers.jitter}, {"seed", stragglers.seed}};
}

Stragglers parse_stragglers(JsonFields fields) {
  Stragglers stragglers{
      .slow = {}, .jitter = fields.number("jitter_mean"), .seed = static_cast<std::uint64_t>(fields.integer("seed"))};
  JsonFields slow = fields.object("slow_ranks");
  for (const std::string& rank : slow.names()) {
    int number = -1;
    const auto [end, status] = std::from_chars(rank.data(), rank.data() + rank.size(), number);
    if (status != std::errc() || end != rank.data() + rank.size() || number < 0) slow.problem(rank, "is no rank");
    stragglers.slow[number] = slow.number(rank);
  }
  slow.require_all_known();
  fields.require_all_known();
  return stragglers;
}

ordered_json provenance_json(const RunReport& report) {
  ordered_json object = ordered_json::object();
  for (const std::string& name : value_names(report)) {
    const auto found = report.provenance.find(name);
    require(found != report.provenance.end(), "to_json(RunReport)", "no provenance for '", name, "'");
    object[name] = to_string(found->second);
  }
  return object;
}

/// Reads the parts that say what was run.
void parse_setting(RunReport& report, JsonFields& fields) {
  report.version = fields.text("version");
  report.command = fields.text("command");
  report.date = fields.text("date");
  JsonFields host = fields.object("host");
  report.host = {
      .cpu_model = host.text("cpu_model"), .cores = host.small_integer("cores"), .memory_bytes = host.integer("memory_bytes")};
  host.require_all_known();
  report.schedule = parse_schedule_choice(fields.object("schedule"));
  report.mode = fields.text("mode");
  report.clock = fields.text("clock");
  report.data = fields.text("data");
  report.transport = fields.text("transport");
  if (fields.has("collectives")) report.collectives = fields.text("collectives");
  report.threads = fields.small_integer("threads", 1);
  report.seed = static_cast<std::uint64_t>(fields.integer("seed"));
  if (fields.has("stragglers")) report.stragglers = parse_stragglers(fields.object("stragglers"));
}

/// Reads the parts that came out.
void parse_values(RunReport& report, JsonFields& fields) {
  report.steps = fields.small_integer("steps");
  report.step_time_s = fields.number("step_time_s");
  report.compute_s = fields.number("compute_s");
  report.exposed_communication_s = fields.number("exposed_communication_s");
  report.hidden_communication_s = fields.number("hidden_communication_s");
  const bool old = fields.has("idle_s");
  report.bubble_s = fields.number(old ? "idle_s" : "bubble_s");
  if (!old) report.wait_s = fields.number("wait_s");
  JsonFields phases = fields.object("phases_s");
  for (const std::string& phase : phase_names())
    if (phase != to_string(Phase::packing) || phases.has(phase))  // which older reports do not have
      report.phases_s[phase] = phases.number(phase);
  phases.require_all_known();
  report.images_per_s = fields.number("images_per_s");
  if (fields.has("test_accuracy")) report.test_accuracy = fields.number("test_accuracy");
  for (const auto& [name, values] : kPerEpoch)
    if (fields.has(name)) report.*values = fields.numbers(name);
  for (const char* added : {"simulation", "costs", "jitter"})
    (void)fields.has(added);  // of 'convoy simulate', no part of a RunReport
  if (fields.has("memory_bytes")) report.memory_bytes = fields.integers("memory_bytes");
  if (fields.has("serving")) {
    JsonFields serving = fields.object("serving");
    report.serving = {.servers = serving.small_integer("servers"),
                      .pushes = serving.small_integer("pushes"),
                      .updates = serving.small_integer("updates"),
                      .dropped = serving.small_integer("dropped_pushes"),
                      .mean_staleness = serving.number("mean_staleness_updates"),
                      .max_staleness = serving.small_integer("max_staleness_updates"),
                      .max_ahead = serving.small_integer("max_ahead_iterations")};
    serving.require_all_known();
  }
  JsonFields provenance = fields.object("provenance");
  for (const std::string& name : value_names(report)) {
    const bool was_idle = old && (name == "wait_s" || name == "bubble_s");
    report.provenance[name] = parse_provenance(provenance, was_idle ? "idle_s" : name);
  }
  provenance.require_all_known();
}

}  // namespace

std::string_view to_string(Provenance provenance) { return kProvenanceNames.at(static_cast<std::size_t>(provenance)); }

Provenance provenance_of_clock(const std::string& clock) {
  if (clock == "steady") return Provenance::measured;
  if (clock == "simulated") return Provenance::simulated;
  require(clock == "formula", "provenance_of_clock", "unknown clock '", clock, "'");
  return Provenance::formula;
}

namespace {

void fill_pipeline(Plan& plan, const ScheduleChoice& choice) {
  const int axis = pipeline_axis(plan);
  if (axis < 0) return;
  const int ranks = plan.mesh.axes[static_cast<std::size_t>(axis)].extent;
  plan.pipeline = settings_of(choice.pipeline, plan.pipeline, ranks);
  const int shares = plan.batch_axis < 0 ? 1 : plan.mesh.axes[static_cast<std::size_t>(plan.batch_axis)].extent;
  if (const int images = plan.global_batch / shares; choice.pipeline.settings.micro_batches > std::max(1, images))
    throw InputError(cat("--micro-batches is ", choice.pipeline.settings.micro_batches, ", and a pipeline has ", images,
                         " images a step; use at most that many, or a larger --batch"));
}

}  // namespace

Plan plan_of(const ScheduleChoice& choice) {
  if (choice.ranks < 1) throw InputError(cat("the number of ranks is ", choice.ranks, ", expected 1 or more"));
  constexpr int most_ranks = 1 << 20;
  if (choice.ranks > most_ranks)
    throw InputError(cat("the number of ranks is ", choice.ranks, ", expected ", most_ranks, " or fewer"));
  if (choice.global_batch < 1) throw InputError(cat("the global batch is ", choice.global_batch, ", expected 1 or more"));
  if (choice.bucket_bytes < 1) throw InputError(cat("a bucket has ", choice.bucket_bytes, " bytes, expected 1 or more"));
  if (choice.chunks < 1) throw InputError(cat("the number of chunks is ", choice.chunks, ", expected 1 or more"));
  if (choice.channels < 0 || choice.channels > kMostPlanChannels)
    throw InputError(cat("the number of channels is ", choice.channels, ", expected 1 to ", kMostPlanChannels));
  if (choice.ranks_per_node < 0) throw InputError(cat("the ranks in a node are ", choice.ranks_per_node, ", expected 1 or more"));
  if (choice.all_reduce != kAutomatic)
    collective_algorithm(CollectiveKind::all_reduce, choice.all_reduce);
  else if (choice.chunks != 1 || choice.channels != 0)
    throw InputError(cat("all-reduce auto chooses channels and chunks too, so --", choice.chunks != 1 ? "chunks" : "channels",
                         " would change nothing; leave it out, or name an algorithm"));
  if (choice.gradient_dtype && size_bytes(*choice.gradient_dtype) != 2)
    throw InputError(cat("gradients are summed in f16, in bf16 or as they are, not in ", to_string(*choice.gradient_dtype)));
  Plan plan = choice.plan_yaml.empty() ? make_plan(choice.plan, {.ranks = choice.ranks,
                                                                 .global_batch = choice.global_batch,
                                                                 .split = choice.split,
                                                                 .inside = choice.inside,
                                                                 .scheme = choice.scheme,
                                                                 .servers = choice.servers,
                                                                 .zero = choice.zero,
                                                                 .local = choice.local,
                                                                 .pipeline = choice.pipeline.ranks})
                                       : parse_plan(choice.plan_yaml, "plan");
  if (plan.mesh.world_size() != choice.ranks)
    throw InputError(cat("plan '", plan.name, "' has a mesh of ", plan.mesh.world_size(), " ranks, not of ", choice.ranks));
  plan.global_batch = choice.global_batch;
  plan.scheme = choice.scheme;
  plan.gradient_dtype = choice.gradient_dtype;
  plan.synchronised_statistics = choice.synchronised_statistics;
  if (choice.accumulate < 1) throw InputError(cat("images go through in ", choice.accumulate, " parts, expected 1 or more"));
  plan.accumulate = choice.accumulate;
  plan.optimiser = choice.optimiser;
  if (choice.zero != 0) plan.zero = choice.zero;
  if (choice.local.steps > 0) plan.local = choice.local;
  if (choice.compression.method != "none") plan.compression = choice.compression;
  fill_pipeline(plan, choice);
  plan.overlap = choice.overlap;
  plan.bucket_bytes = choice.bucket_bytes;
  plan.all_reduce = choice.all_reduce;
  plan.chunks = choice.chunks;
  plan.channels = choice.channels;
  plan.ranks_per_node = choice.ranks_per_node;
  plan.machine = choice.machine;
  plan.precision = choice.precision;
  plan.fusion = choice.fusion;
  plan.layout = choice.layout;
  return plan;
}

int working_ranks(const ScheduleChoice& choice) {
  return choice.ranks - (choice.servers.own_ranks ? std::min(choice.servers.count, choice.ranks - 1) : 0);
}

Model model_of(const ScheduleChoice& choice) { return model_for(load_model(choice.model).model, plan_of(choice)); }

void decide(ScheduleChoice& choice, Fusion fusion, ActivationLayout layout) {
  if (choice.fusion == Fusion::automatic) choice.fusion = fusion;
  if (choice.layout == ActivationLayout::automatic) choice.layout = layout;
}

void know_machine(ScheduleChoice& choice, const GroupTopology& machine) {
  if (choice.ranks_per_node == 0) choice.ranks_per_node = machine.ranks_per_node;
  if (choice.all_reduce != kAutomatic || choice.machine) return;
  choice.machine = machine;
  choice.machine->ranks_per_node = choice.ranks_per_node;
}

Schedule schedule_of(const ScheduleChoice& choice, Mode mode) { return make_schedule(model_of(choice), plan_of(choice), mode); }

void RunReport::set_times(const StepTimes& times, const std::string& clock_name) {
  clock = clock_name;
  steps = times.iterations;
  step_time_s = times.step_time_s;
  compute_s = times.compute_s;
  exposed_communication_s = times.exposed_communication_s;
  hidden_communication_s = times.hidden_communication_s;
  wait_s = times.wait_s;
  bubble_s = times.bubble_s;
  ranks = times.ranks;
  const std::vector<std::string> names = phase_names();
  for (std::size_t i = 0; i < names.size(); ++i) phases_s[names[i]] = times.phase_s[i];
  images_per_s = step_time_s > 0 ? schedule.global_batch / step_time_s : 0;
  for (const char* name : {"step_time_s", "compute_s", "exposed_communication_s", "hidden_communication_s", "wait_s", "bubble_s",
                           "phases_s", "images_per_s"})
    provenance[name] = provenance_of_clock(clock_name);
  if (!ranks.empty()) provenance["ranks"] = provenance_of_clock(clock_name);
}

void RunReport::set_memory(const Schedule& made) {
  memory_bytes.clear();
  for (const Program& program : made.programs) memory_bytes.push_back(plan_memory(program).total_bytes);
  provenance["memory_bytes"] = Provenance::formula;
}

void RunReport::set_serving(const Timeline& timeline) {
  if (timeline.pushes.empty()) return;
  serving = summary_of(timeline.pushes);
  provenance["serving"] = provenance_of_clock(timeline.clock);
}

std::string to_json(const RunReport& report) {
  ordered_json phases = ordered_json::object();
  for (const std::string& phase : phase_names()) {
    const auto found = report.phases_s.find(phase);
    phases[phase] = found != report.phases_s.end() ? found->second : 0.0;
  }
  ordered_json json = {
      {"version", report.version},
      {"command", report.command},
      {"date", report.date},
      {"host", {{"cpu_model", report.host.cpu_model}, {"cores", report.host.cores}, {"memory_bytes", report.host.memory_bytes}}},
      {"schedule", schedule_json(report.schedule)},
      {"mode", report.mode},
      {"clock", report.clock},
      {"data", report.data},
      {"transport", report.transport},
      {"threads", report.threads},
      {"seed", report.seed},
      {"steps", report.steps},
      {"step_time_s", report.step_time_s},
      {"compute_s", report.compute_s},
      {"exposed_communication_s", report.exposed_communication_s},
      {"hidden_communication_s", report.hidden_communication_s},
      {"wait_s", report.wait_s},
      {"bubble_s", report.bubble_s},
      {"phases_s", phases},
      {"images_per_s", report.images_per_s},
  };
  for (const RankTimes& times : report.ranks) json["ranks"].push_back(rank_json(times));
  if (!report.collectives.empty()) json["collectives"] = report.collectives;
  if (report.test_accuracy) json["test_accuracy"] = *report.test_accuracy;
  for (const auto& [name, values] : kPerEpoch)
    if (!(report.*values).empty()) json[name] = report.*values;
  for (const AccuracyPoint& point : report.accuracy_curve) json["accuracy_curve"].push_back(point_json(point));
  if (!report.memory_bytes.empty()) json["memory_bytes"] = report.memory_bytes;
  if (const std::optional<ServingSummary>& serving = report.serving)
    json["serving"] = {{"servers", serving->servers},
                       {"pushes", serving->pushes},
                       {"updates", serving->updates},
                       {"dropped_pushes", serving->dropped},
                       {"mean_staleness_updates", serving->mean_staleness},
                       {"max_staleness_updates", serving->max_staleness},
                       {"max_ahead_iterations", serving->max_ahead}};
  if (report.stragglers.any()) json["stragglers"] = stragglers_json(report.stragglers);
  json["provenance"] = provenance_json(report);
  return json_text(json, 2) + "\n";
}

RunReport parse_run_report(const std::string& text, const std::string& file_name) {
  const nlohmann::json json = parse_json(text, file_name);
  JsonProblems problems(file_name);
  JsonFields fields(json, "", problems);
  RunReport report;
  parse_setting(report, fields);
  if (fields.has("ranks")) {
    const nlohmann::json& rows = fields.array("ranks");
    for (std::size_t i = 0; i < rows.size(); ++i)
      report.ranks.push_back(parse_rank(JsonFields(rows[i], cat("ranks[", i, "]"), problems)));
  }
  if (fields.has("accuracy_curve")) {
    const nlohmann::json& points = fields.array("accuracy_curve");
    for (std::size_t i = 0; i < points.size(); ++i)
      report.accuracy_curve.push_back(parse_point(JsonFields(points[i], cat("accuracy_curve[", i, "]"), problems)));
  }
  parse_values(report, fields);
  fields.require_all_known();
  if (report.clock != "steady" && report.clock != "simulated" && report.clock != "formula")
    fields.problem("clock", cat("is '", report.clock, "', expected steady, simulated or formula"));
  problems.require_none();
  return report;
}

}  // namespace convoy
