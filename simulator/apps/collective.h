/// What `convoy collective` was asked for, and the three ways to answer it: simulated, as a library carries it out, and for real.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "reference/io/cli.h"
#include "simulator/apps/machine_options.h"
#include "simulator/apps/output.h"
#include "simulator/report/collective_report.h"

namespace convoy {

struct CollectiveOptions {
  std::string kind = "all_reduce";
  std::string algorithm;  ///< "": the first for the kind
  int ranks = 2;
  std::string bytes = "1MiB";
  int chunks = 1;
  int channels = 0;  ///< 0: as many as the algorithm usually has
  std::optional<int> ranks_per_node;
  bool list = false;
  bool run = false;
  std::string transport;  ///< "" and the next: not typed
  std::string collectives;
  MachineOptions machine;
  Output output;
  const Verb* verb = nullptr;
  /// The first option that says what to run; "" when there is none.
  [[nodiscard]] std::string typed_besides_list() const {
    for (const Option* option : verb->get_options())
      if (option->count() > 0 && option->get_name() != "--list" && option->get_name() != "--json") return option->get_name();
    return "";
  }
};

/// Throws InputError when the algorithm cannot do it for a buffer of this size.
void require_possible(const CollectiveCase& what, std::int64_t bytes);

/// Simulates every size; where the algorithm is auto, by the way that is chosen for it.
void simulate_sizes(const CollectiveOptions& options, CollectiveCase what, const std::vector<std::int64_t>& sizes);

/// Every size as the cluster's library carries it out, by formula.
void library_sizes(const CollectiveOptions& options, CollectiveCase what, const std::vector<std::int64_t>& sizes,
                   const Cluster& cluster);

/// Runs it on threads or processes and checks every element. With --json the table of convoy-train is read back; else it appears
/// as it comes.
void run_for_real(const CollectiveOptions& options, const CollectiveCase& what);

/// Rows that were not measured, with where they are from.
nlohmann::ordered_json simulated_json(const CollectiveCase& what, const std::vector<CollectiveRow>& rows, const Cluster& cluster,
                                      const std::string& fidelity);

}  // namespace convoy
