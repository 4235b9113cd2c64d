/// The options that say on what it runs: a cluster, and where the times of compute ops come from.
#pragma once

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "reference/io/profile.h"
#include "simulator/cost/cost.h"
#include "simulator/platform/cluster.h"

namespace convoy {

/// A machine to simulate on.
struct ChosenMachine {
  Cluster cluster;
  bool given_cluster = true;       ///< false: the cluster is the machine that the profile was measured on
  std::optional<Profile> profile;  ///< measured times of compute ops; without one they come from the roofline
};

class MachineOptions {
 public:
  void add_to(CLI::App& verb);
  /// Reads the files. Without --cluster the machine of the profile is taken; without both, InputError.
  [[nodiscard]] ChosenMachine machine() const;
  /// The first of its options that was typed, "--cluster"; "" when none was.
  [[nodiscard]] std::string typed() const { return !cluster_.empty() ? "--cluster" : !profile_.empty() ? "--profile" : ""; }

 private:
  std::string cluster_;
  std::string profile_;
};

/// The machine that a profile was measured on, as a cluster of as many devices as ranks ran at the same time. Throws InputError
/// when one rank was measured alone: then nothing is known of messages.
Cluster cluster_of(const Profile& profile);

/// Times of compute ops on a machine. Throws InputError when the profile is of another model. `measure` is the command that
/// measures what a profile lacks.
CostModel cost_of(const ChosenMachine& machine, const std::string& model, const std::string& precision,
                  const std::string& measure = "");

/// Where the times come from, for people and for programs. The roofline is called optimistic.
std::string describe_cost(const ChosenMachine& machine);
nlohmann::ordered_json cost_json(const ChosenMachine& machine);

}  // namespace convoy
