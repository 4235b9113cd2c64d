// convoy collective --run: on this machine, by convoy-train.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "reference/core/error.h"
#include "simulator/apps/collective.h"
#include "simulator/apps/ranks.h"
#include "simulator/apps/start.h"

namespace convoy {
namespace {

std::vector<std::string> words_for_convoy_train(const CollectiveCase& what, const CollectiveSizes& sizes, bool by_library) {
  std::vector<std::string> words = {"collective", "--kind", std::string(to_string(what.kind)), "--ranks", cat(what.ranks)};
  words.insert(words.end(), {"--from", cat(sizes.first_bytes), "--to", cat(sizes.last_bytes), "--factor", cat(sizes.factor)});
  if (!by_library) {
    words.insert(words.end(), {"--algorithm", what.algorithm, "--chunks", cat(what.chunks)});
    words.insert(words.end(), {"--channels", cat(what.channels), "--nodes-of", cat(what.ranks_per_node)});
  }
  return words;
}

}  // namespace

void run_for_real(const CollectiveOptions& options, const CollectiveCase& what) {
  if (const std::string typed = options.machine.typed(); !typed.empty())
    throw InputError(cat("--run measures this machine, so ", typed, " would change nothing; take one of the two away"));
  std::vector<std::string> words =
      words_for_convoy_train(what, parse_collective_sizes(options.bytes), options.collectives == "library");
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
