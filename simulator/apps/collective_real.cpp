// convoy collective --run: on this machine, by convoy-train.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "reference/core/error.h"
#include "simulator/apps/collective.h"
#include "simulator/apps/ranks.h"
#include "simulator/apps/start.h"

namespace convoy {
namespace {

std::vector<std::string> words_for_convoy_train(const CollectiveCase& what, const CollectiveSizes& sizes) {
  return {"collective",
          "--kind",
          std::string(to_string(what.kind)),
          "--algorithm",
          what.algorithm,
          "--ranks",
          cat(what.ranks),
          "--chunks",
          cat(what.chunks),
          "--channels",
          cat(what.channels),
          "--nodes-of",
          cat(what.ranks_per_node),
          "--from",
          cat(sizes.first_bytes),
          "--to",
          cat(sizes.last_bytes),
          "--factor",
          cat(sizes.factor)};
}

}  // namespace

void run_for_real(const CollectiveOptions& options, const CollectiveCase& what) {
  if (const std::string typed = options.machine.typed(); !typed.empty())
    throw InputError(cat("--run measures this machine, so ", typed, " would change nothing; take one of the two away"));
  std::vector<std::string> words = words_for_convoy_train(what, parse_collective_sizes(options.bytes));
  if (!options.transport.empty()) words.insert(words.end(), {"--transport", options.transport});
  if (!options.collectives.empty()) words.insert(words.end(), {"--collectives", options.collectives});
  const Command command = command_for(words);
  if (options.output.json_file().empty()) become(command.program, command.arguments);
  const Finished finished = run_and_read(command.program, command.arguments);
  if (finished.exit_code == kExitInput) throw InputError("convoy-train collective refused its options, see above");
  options.output.text(finished.output);
  const std::vector<CollectiveRow> rows = parse_collective_table(finished.output);
  if (rows.empty())
    throw std::runtime_error(cat("convoy-train collective printed no table and ended with exit code ", finished.exit_code));
  nlohmann::ordered_json json = collective_json(what, rows);
  json["transport"] = options.transport.empty() ? "threads" : options.transport;
  json["collectives"] = options.collectives.empty() ? "ours" : options.collectives;
  for (const char* value : {"time_s", "algbw_bytes_per_s", "busbw_bytes_per_s", "wrong"}) json["provenance"][value] = "measured";
  options.output.json(json);
  if (finished.exit_code != 0) throw std::runtime_error(cat("convoy-train collective ended with exit code ", finished.exit_code));
}

}  // namespace convoy
