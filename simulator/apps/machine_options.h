/// The options that say on what it runs, and how that is simulated: a cluster, where the times of compute ops come from, and the
/// fidelity.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "reference/collectives/choose.h"
#include "reference/io/cli.h"
#include "reference/io/profile.h"
#include "reference/io/report.h"
#include "simulator/cost/cost.h"
#include "simulator/engine/simulate.h"
#include "simulator/platform/cluster.h"

namespace convoy {

/// A machine to simulate on.
struct ChosenMachine {
  Cluster cluster;
  bool given_cluster = true;       ///< false: the cluster is the machine that the profile was measured on
  std::optional<Profile> profile;  ///< measured times of compute ops; without one they come from the roofline
  Fidelity fidelity = Fidelity::automatic;
  bool kernels = false;                   ///< or from what is known of the kernels of the cluster's GPU
  bool kernels_typed = false;             ///< else they are taken because the device is such a GPU
  std::optional<LayerTimes> layers = {};  ///< or, for the layers in it, from somebody else's CSV
  bool library = false;  ///< collectives take the time of NCCL or MPI, not of the schedule's algorithm on bare links
};

class MachineOptions {
 public:
  void add_to(Verb& verb);
  /// --collectives, where a schedule has collectives of its own.
  void add_collectives_to(Verb& verb);
  /// Reads the files. Without --cluster the machine of the profile is taken; without both, InputError.
  [[nodiscard]] ChosenMachine machine() const;
  /// What was typed of its options, as " --cluster dgx-v100 --cost kernels".
  [[nodiscard]] std::string words() const;
  /// The first of its options that was typed, "--cluster"; "" when none was.
  [[nodiscard]] std::string typed() const {
    return !cluster_.empty()            ? "--cluster"
           : !profile_.empty()          ? "--profile"
           : fidelity_ != "auto"        ? "--fidelity"
           : cost_ != "auto"            ? "--cost"
           : collectives_ != "schedule" ? "--collectives"
                                        : "";
  }

 private:
  std::string cluster_;
  std::string profile_;
  std::string fidelity_ = "auto";
  std::string cost_ = "auto";
  std::string collectives_ = "schedule";
};

/// The machine that a profile was measured on, as a cluster of as many devices as ranks ran at the same time. Throws InputError
/// when one rank was measured alone: then nothing is known of messages.
Cluster cluster_of(const Profile& profile);

/// Times of compute ops on a machine. Throws InputError when the profile is of another model, or when kernels are asked
/// for and the device is no GPU of our table. `measure` is the command that
/// measures what a profile lacks.
CostModel cost_of(const ChosenMachine& machine, const Model& model, const std::string& precision,
                  const std::string& measure = "");
/// The same on the devices of Cluster::others; empty when all devices are alike, or one profile is taken for all.
std::vector<CostModel> other_costs_of(const ChosenMachine& machine, const Model& model, const std::string& precision);

/// The time of whole collectives on the machine, where its library carries them out; an empty function where the schedule does.
CollectiveCost collective_cost(const ChosenMachine& machine);
/// The part of a device that communication takes from compute ops beside it: where NCCL carries collectives out and the GPU is
/// one of ours, what its channels hold of the multiprocessors; else 0.
double communication_share(const ChosenMachine& machine);
/// How a timeline of this fidelity was simulated on the machine: describe_fidelity(), or that NCCL or MPI carries collectives
/// out.
std::string describe_simulation(const ChosenMachine& machine, const std::string& fidelity);

/// "rings folded into flows (--fidelity flows)": what a timeline says of how it was simulated, for people; "" for a measured one.
std::string describe_fidelity(const std::string& fidelity);

/// Where the times come from, for people and for programs. The roofline is called optimistic.
std::string describe_cost(const ChosenMachine& machine);
nlohmann::ordered_json cost_json(const ChosenMachine& machine);

/// What choices of algorithms know of a cluster when so many ranks run on it, one after the other on its devices. Of nodes with
/// unlike numbers of devices the shape is unknown.
GroupTopology topology_of(const Cluster& cluster, int ranks);

/// Ranks that are devices: all but servers on hosts.
int device_count(const ScheduleChoice& choice);

/// --cluster of verbs that simulate nothing, and what it says about a choice: know_machine(); nothing when it was not given.
void add_cluster_option(Verb& verb, std::string& cluster);
void know_cluster(ScheduleChoice& choice, const std::string& cluster);

/// load_cluster, with what it warns of on stderr.
Cluster load_with_warnings(const std::string& path_or_name);

}  // namespace convoy
