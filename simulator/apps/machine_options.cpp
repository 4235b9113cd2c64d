#include "simulator/apps/machine_options.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "reference/core/error.h"
#include "reference/core/units.h"
#include "reference/io/file.h"
#include "simulator/apps/output.h"
#include "simulator/cost/cluster_wiring.h"
#include "simulator/cost/kernels.h"
#include "simulator/cost/representative.h"

namespace convoy {
namespace {

constexpr const char* kMachineHeading = "The machine, and what things take on it";

std::string listed(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

/// One profile says nothing about devices of other kinds.
void warn_of_other_devices(const Cluster& cluster) {
  for (const Cluster& nodes : cluster.others)
    if (nodes.device.name != cluster.device.name)
      return warn(cat("cluster '", cluster.name, "' has several kinds of devices; compute ops take the times of ",
                      cluster.device.name, " on every rank, also on ", nodes.device.name));
}

}  // namespace

void MachineOptions::add_to(Verb& verb) {
  verb.begin_group(kMachineHeading);
  verb.add_option("--cluster", cluster_,
                  "Cluster file, or the name of one that comes with Convoy ('convoy cluster' lists them); @N behind it asks for N "
                  "nodes, as dgx-h100@512")
      ->type_name("FILE|NAME");
  verb.add_option("--profile", profile_,
                  "Measured times of the compute ops, from 'convoy profile', or somebody else's of layers (.csv: "
                  "layer,pass,batch,time_ms); without it: --cost")
      ->type_name("FILE");
  verb.add_option(
          "--fidelity", fidelity_,
          "steps: every round of a collective is a flow; flows: rings are folded; formula: nothing is shared; auto: by size")
      ->capture_default_str()
      ->type_name("WORD");
  verb.add_option(
          "--cost", cost_,
          "Times of compute ops without a profile: kernels, what GPUs reach; roofline, a lower bound; auto: kernels where the "
          "device is a GPU that we know, else roofline")
      ->capture_default_str()
      ->type_name("NAME")
      ->one_of({"auto", "roofline", "kernels"});
}

std::string MachineOptions::words() const {
  std::string words;
  if (!cluster_.empty()) words += " --cluster " + cluster_;
  if (!profile_.empty()) words += " --profile " + profile_;
  if (fidelity_ != "auto") words += " --fidelity " + fidelity_;
  if (cost_ != "auto") words += " --cost " + cost_;
  if (collectives_ != "schedule") words += " --collectives " + collectives_;
  return words;
}

void MachineOptions::add_collectives_to(Verb& verb) {
  verb.begin_group(kMachineHeading);
  verb.add_option(
          "--collectives", collectives_,
          "schedule: rounds of the plan's algorithm on bare links; library: the time that NCCL, or without GPUs MPI, takes on "
          "these links, by formula: protocols, latencies of hops, channels; nothing else slows them down")
      ->capture_default_str()
      ->type_name("WHO")
      ->one_of({"schedule", "library"});
}

ChosenMachine MachineOptions::machine() const {
  Fidelity fidelity = parse_fidelity(fidelity_);
  const bool library = collectives_ == "library";
  // Rounds are not looked at, so one rank of a class may stand for all.
  if (library && fidelity == Fidelity::automatic) fidelity = Fidelity::flows;
  std::optional<Profile> profile;
  std::optional<LayerTimes> layers;
  if (is_csv_file(profile_))
    layers = parse_layer_times(read_file(profile_), profile_);
  else if (!profile_.empty())
    profile = parse_profile(read_file(profile_), profile_);
  const bool typed = cost_ == "kernels";
  if (cost_ != "auto" && profile) throw InputError(cat("--cost ", cost_, " and --profile both say where times come from; give one of them"));
  if (!cluster_.empty()) {
    const Cluster cluster = load_with_warnings(cluster_);
    if (profile || layers) warn_of_other_devices(cluster);
    const bool known = cost_ == "auto" && !profile && find_gpu(cluster.device.name) != nullptr;
    return {.cluster = cluster,
            .given_cluster = true,
            .profile = profile,
            .fidelity = fidelity,
            .kernels = typed || known,
            .kernels_typed = typed,
            .layers = layers,
            .library = library};
  }
  if (layers)
    throw InputError(cat(profile_,
                         " has times of layers and says nothing about the machine; give its --cluster too, a file or one of ",
                         listed(cluster_names())));
  if (profile)
    return {
        .cluster = cluster_of(*profile), .given_cluster = false, .profile = profile, .fidelity = fidelity, .library = library};
  throw InputError(cat("which machine? Give --cluster, for example --cluster dgx-v100, with a file or one of ",
                       listed(cluster_names()), ", or --profile with a file that 'convoy profile' wrote on the machine"));
}

GroupTopology topology_of(const Cluster& cluster, int ranks) {
  GroupTopology topology{.ranks_per_node = cluster.devices_per_node, .nics_per_node = cluster.nics_per_node};
  for (const Cluster& nodes : cluster.others)
    if (nodes.devices_per_node != cluster.devices_per_node) topology.ranks_per_node = 0;
  if (cluster.devices_per_node > 1 && ranks > 1) topology.in_node = cluster.link(0, 1);
  if (ranks > cluster.devices_per_node) {
    topology.between_nodes = cluster.link(0, cluster.devices_per_node);
    if (cluster.nic.bandwidth_bytes_per_s > 0) topology.between_nodes.bandwidth_bytes_per_s = cluster.nic.bandwidth_bytes_per_s;
  }
  return topology;
}

void add_cluster_option(Verb& verb, std::string& cluster) {
  verb.add_option("--cluster", cluster,
                  "Cluster whose nodes and links --all-reduce auto and --ranks-per-node take: a file or a name")
      ->type_name("FILE|NAME");
}

int device_count(const ScheduleChoice& choice) { return choice.servers.on_hosts ? working_ranks(choice) : choice.ranks; }

void know_cluster(ScheduleChoice& choice, const std::string& cluster) {
  if (cluster.empty()) return;
  const int devices = device_count(choice);
  know_machine(choice, topology_of(for_ranks(load_with_warnings(cluster), devices), devices));
}

Cluster load_with_warnings(const std::string& path_or_name) {
  std::vector<std::string> warnings;
  Cluster cluster = load_cluster(path_or_name, &warnings);
  for (const std::string& warning : warnings) warn(warning);
  return cluster;
}

Cluster cluster_of(const Profile& profile) {
  if (!profile.transport) {
    throw InputError(cat("the profile of '", profile.machine,
                         "' was measured on one rank, so it says nothing about messages; ",
                         profile.device ? "" : "measure with 'convoy profile --ranks 2' or ", "give --cluster"));
  }
  Cluster cluster;
  cluster.name = "this-machine";
  cluster.description = cat(profile.machine, ", measured ", profile.date);
  cluster.nodes = 1;
  cluster.devices_per_node = profile.concurrent;
  cluster.device = {.name = cat(profile.threads == 1 ? std::string("core") : cat("group of ", profile.threads, " cores"), " of ",
                                profile.machine),
                    .peak_flops_per_s = {{profile.precision, to_four_digits(profile.peak_flops_per_s * profile.threads)}},
                    .memory_bandwidth_bytes_per_s = to_four_digits(profile.memory_bandwidth_bytes_per_s),
                    .memory_bytes = profile.memory_bytes / profile.concurrent,
                    .launch_overhead_s = 0,
                    .source = cat("measured on one core by '", profile.command, "'")};
  cluster.node_link = {to_four_digits(profile.transport->latency_s), to_four_digits(profile.transport->bandwidth_bytes_per_s)};
  cluster.nic = {0, 0};  // there is one node
  cluster.cores_per_node = profile.cores;
  cluster.cores_per_rank = profile.threads;
  cluster.communication_cores = profile.transport->communication_cores;
  return cluster;
}

namespace {

/// What the layers take that a CSV has no times for: ops of no layer too.
CostModel from_layers(const ChosenMachine& machine, const Model& model, const std::string& precision) {
  ChosenMachine without = machine;
  without.layers.reset();
  return from_layer_times(*machine.layers, model, cost_of(without, model, precision));
}

}  // namespace

std::vector<CostModel> other_costs_of(const ChosenMachine& machine, const Model& model, const std::string& precision) {
  bool alike = true;
  for (const Cluster& nodes : machine.cluster.others) alike = alike && nodes.device == machine.cluster.device;
  if (alike || machine.profile || machine.layers) return {};
  std::vector<CostModel> costs;
  for (const Cluster& nodes : machine.cluster.others) {
    ChosenMachine other = machine;
    other.cluster.device = nodes.device;
    other.kernels = machine.kernels && (machine.kernels_typed || find_gpu(nodes.device.name) != nullptr);
    costs.push_back(cost_of(other, model, precision));
  }
  return costs;
}

CostModel cost_of(const ChosenMachine& machine, const Model& model, const std::string& precision, const std::string& measure) {
  if (machine.layers) return from_layers(machine, model, precision);
  const Device& device = machine.cluster.device;
  // Taken by default they leave it to the roofline to say that the device has no such precision.
  const bool kernels = machine.kernels && (machine.kernels_typed || device.peak_flops_per_s.contains(precision));
  if (!machine.profile && kernels) {
    const Gpu* gpu = find_gpu(device.name);
    if (gpu == nullptr)
      throw InputError(cat("nothing is known of the kernels of device '", device.name,
                           "'; use --cost roofline, or --profile with measured times"));
    return kernel_costs(model, kernel_machine(device, *gpu, precision));
  }
  if (!machine.profile) return roofline(device, precision);
  if (machine.profile->model != model.name) {
    throw InputError(cat("the profile holds times of ", machine.profile->model, ", not of ", model.name,
                         "; measure them with 'convoy profile --model ", model.name, "'"));
  }
  if (machine.profile->precision != precision) {
    throw InputError(cat("the profile was measured in ", machine.profile->precision, ", not in ", precision));
  }
  return from_profile(*machine.profile, model, measure);
}

CollectiveCost collective_cost(const ChosenMachine& machine) {
  if (!machine.library) return {};
  return [cluster = machine.cluster](CollectiveKind kind, double bytes, const std::vector<int>& devices) {
    return library_time_on(cluster, kind, bytes, devices).time_s;
  };
}

double communication_share(const ChosenMachine& machine) {
  const Gpu* gpu = find_gpu(machine.cluster.device.name);
  if (machine.cluster.cores_per_node > 0) return 0;  // messages already take cores, which ranks share
  if (!machine.library || gpu == nullptr || library_of(machine.cluster) != Library::nccl) return 0;
  return occupied_part(wiring_of(machine.cluster), gpu->sms);
}

std::string describe_fidelity(const std::string& fidelity) {
  if (fidelity == "steps") return "every message and every round of a collective simulated (--fidelity steps)";
  if (fidelity == "flows") return "rings folded into one flow for each pair of neighbours (--fidelity flows)";
  if (fidelity == "formula") return "by formula, as if nothing were shared (--fidelity formula)";
  return "";
}

std::string describe_simulation(const ChosenMachine& machine, const std::string& fidelity) {
  if (!machine.library) return describe_fidelity(fidelity);
  const double share = communication_share(machine);
  const std::string taken =
      share > 0 ? cat("; while they go on, its channels take ", to_four_digits(100 * share), " % of a GPU from compute ops beside them") : "";
  return cat(
      "collectives as ", library_of(machine.cluster) == Library::nccl ? "NCCL" : "MPI",
      " carries them out, by formula, each with its links for itself (--collectives library; docs/validation.md says how far off "
      "that is); messages ",
      fidelity == "formula" ? "by formula" : "simulated", taken);
}

std::string describe_cost(const ChosenMachine& machine) {
  if (machine.layers) {
    ChosenMachine without = machine;
    without.layers.reset();
    return cat("times of layers: from ", machine.layers->file, "; of all else, ", describe_cost(without));
  }
  if (!machine.profile && machine.kernels)
    return cat("times of compute ops: kernels of ", machine.cluster.device.name,
               ", by formula; docs/validation.md says how far off they are");
  if (!machine.profile) {
    return cat("times of compute ops: roofline of ", machine.cluster.device.name,
               ", optimistic: real kernels reach a part of the peak; --profile takes measured times");
  }
  return cat("times of compute ops: measured on ", machine.profile->machine, ", ", machine.profile->threads,
             machine.profile->threads == 1 ? " thread a rank, " : " threads a rank, ", machine.profile->concurrent,
             " ranks at once, ", machine.profile->date);
}

nlohmann::ordered_json cost_json(const ChosenMachine& machine) {
  if (machine.layers)
    return {{"source", "csv"},
            {"file", machine.layers->file},
            {"device", machine.cluster.device.name},
            {"rest", machine.kernels ? "kernels" : "roofline"},
            {"optimistic", false}};
  if (!machine.profile && machine.kernels)
    return {{"source", "kernels"}, {"device", machine.cluster.device.name}, {"optimistic", false}};
  if (!machine.profile) return {{"source", "roofline"}, {"device", machine.cluster.device.name}, {"optimistic", true}};
  return {{"source", "profile"},
          {"machine", machine.profile->machine},
          {"threads", machine.profile->threads},
          {"concurrent", machine.profile->concurrent},
          {"date", machine.profile->date},
          {"optimistic", false}};
}

}  // namespace convoy
