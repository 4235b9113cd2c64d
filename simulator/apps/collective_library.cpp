// convoy collective --collectives library: as NCCL or MPI carries it out on a cluster, by formula.
#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <numeric>
#include <utility>

#include "reference/collectives/choose.h"
#include "reference/core/error.h"
#include "simulator/apps/collective.h"
#include "simulator/cost/cluster_wiring.h"

namespace convoy {

void library_sizes(const CollectiveOptions& options, CollectiveCase what, const std::vector<std::int64_t>& sizes,
                   const Cluster& cluster) {
  const Library library = library_of(cluster);
  const char* name = library == Library::nccl ? "NCCL" : "MPI";
  if (!options.algorithm.empty() && !takes_algorithm(library, what.kind))
    throw InputError(
        cat("--algorithm changes nothing here: ", name, " carries out ", to_string(what.kind), " in one way; leave it out"));
  const Usage usage{.force = options.algorithm == "ring" || options.algorithm == "tree" ? options.algorithm : "",
                    .back_to_back = true};
  if (!options.algorithm.empty() && usage.force.empty() && options.algorithm != kAutomatic)
    throw InputError(
        cat("--collectives library chooses between rings and trees itself; --algorithm takes ring or tree here, not ",
            options.algorithm));
  for (const auto& [option, typed] : {std::pair{"--channels", options.channels > 0}, {"--chunks", options.chunks > 1}})
    if (typed)
      throw InputError(cat("--collectives library chooses channels and chunks itself, so ", option, " would change nothing"));
  std::vector<int> devices(static_cast<std::size_t>(what.ranks));
  std::iota(devices.begin(), devices.end(), 0);
  std::vector<CollectiveRow> rows;
  std::string choices;
  nlohmann::ordered_json chosen = nlohmann::ordered_json::array();
  for (const std::int64_t bytes : sizes) {
    const LibraryTime time = library_time_on(cluster, what.kind, static_cast<double>(bytes), devices, usage);
    rows.push_back({.bytes = bytes, .time_s = time.time_s, .formula_time_s = {}, .wrong = {}});
    choices += fmt::format("{:>12} B: {}\n", bytes, time.choice);
    chosen.push_back({{"bytes", bytes}, {"choice", time.choice}});
  }
  what.algorithm = name;
  options.output.text(fmt::format("{} of {} ranks on {} ({}), as {} carries it out, by formula\n\n{}{}\n{}", to_string(what.kind),
                                  what.ranks, cluster.name, describe(wiring_of(cluster)), name, collective_table(what, rows),
                                  collective_legend(what.kind, false), choices));
  nlohmann::ordered_json json = simulated_json(what, rows, cluster, "library");
  for (const char* value : {"time_s", "algbw_bytes_per_s", "busbw_bytes_per_s"}) json["provenance"][value] = "formula";
  json["choices"] = chosen;
  options.output.json(json);
}

}  // namespace convoy
