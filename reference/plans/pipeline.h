/// Pipelines: a network cut into stages, some on each rank of an axis, through which the images of a step go in micro-batches.
///
/// Who does what when is an *order*: a table with a row for each rank, of forward (F) and backward (B) of a micro-batch through a
/// stage. Stage s is at rank s mod ranks, so with several stages a rank they go round the ranks. Orders are values: they are
/// printed, read, checked and drawn before a schedule is made of one (step_pipeline.cpp).
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace convoy {

/// The settings of a pipeline, in a Plan.
struct Pipeline {
  int micro_batches = 1;               ///< parts of a rank's images; BatchNorm2d has statistics of its own for each
  std::string order = "1f1b";          ///< a row of pipeline_orders(), or kOwnOrder
  std::vector<std::string> table = {}; ///< kOwnOrder: for every rank what it does, "F0 F1 B0 B1"
  int stages_per_rank = 1;
  std::vector<std::string> cuts = {};  ///< the nodes with which stages 1, 2, ... begin; empty: cut_by_cost() says
  std::vector<int> recompute = {};     ///< stages that keep only what they read, and go forward again before backward
  friend bool operator==(const Pipeline&, const Pipeline&) = default;
};
inline constexpr const char* kOwnOrder = "own";

struct PipelineShape {
  int ranks = 1;
  int stages_per_rank = 1;
  int micro_batches = 1;
  [[nodiscard]] int stages() const { return ranks * stages_per_rank; }
  [[nodiscard]] int rank_of(int stage) const { return stage % ranks; }
};

/// One entry of a table.
struct PipelineAction {
  bool backward = false;
  int stage = 0;
  int micro_batch = 0;
  friend bool operator==(const PipelineAction&, const PipelineAction&) = default;
};
/// What every rank of the axis does, in order.
using PipelineTable = std::vector<std::vector<PipelineAction>>;

/// One row of the table of orders.
struct PipelineOrder {
  std::string_view name;
  std::string_view summary;
  /// Throws an InputError for a shape that the order cannot have.
  PipelineTable (*make)(const PipelineShape& shape);
  /// The part of a step's time in which a rank stands idle, when all stages take as long and messages take no time.
  double (*bubble)(const PipelineShape& shape);
};
std::span<const PipelineOrder> pipeline_orders();
/// The row of this name; an InputError names the nearest.
const PipelineOrder& pipeline_order(std::string_view name);

/// The table of a pipeline over so many ranks. Throws an InputError for what check_table() finds in one of its own.
PipelineTable table_of(const Pipeline& pipeline, int ranks);
/// All micro-batches forward through one stage after the other: what evaluation does.
PipelineTable forward_table(const PipelineShape& shape);

/// "F3", or with several stages a rank "5F3": stage 5, forward, micro-batch 3.
std::string to_string(const PipelineAction& action, const PipelineShape& shape);
/// One row: "F0 F1 B0 B1".
std::string row_text(const std::vector<PipelineAction>& row, const PipelineShape& shape);
/// One line a rank: "rank 0: F0 F1 B0 B1". parse_table() reads it.
std::string to_text(const PipelineTable& table, const PipelineShape& shape);

/// A table as a text has it, and where in it every entry stands.
struct ParsedTable {
  PipelineTable table;
  std::vector<std::vector<std::pair<int, int>>> where;  ///< line and column, from 1
  int micro_batches = 0;                                ///< one more than the highest
  int stages = 0;                                       ///< the same; as many as ranks where none is named
};
/// Reads a line for each rank; '#' begins a comment, "rank 0:" may stand before a row, and the stage before F or B. An InputError
/// names file, line and column.
ParsedTable parse_table(std::string_view text, const std::string& file);

/// Where a table is wrong, and a sentence that says why.
struct PipelineFault {
  int rank = 0;
  int place = 0;  ///< in the rank's row; the length of the row: something is missing
  std::string sentence;
};
/// Every micro-batch goes forward and backward through every stage once, at the stage's rank, and nobody waits for ever.
std::vector<PipelineFault> check_table(const PipelineTable& table, const PipelineShape& shape);

/// A table carried out with stages that all take as long and messages that take no time.
struct UnitRun {
  struct Slot {
    int start = 0;
    int end = 0;
  };
  std::vector<std::vector<Slot>> slots;  ///< of each rank, of as many entries as it got to do
  std::vector<PipelineFault> stuck;      ///< ranks that wait for ever, and for what
  int end = 0;
  /// The part of the time up to `end` in which a rank does nothing, averaged over ranks.
  [[nodiscard]] double idle_fraction() const;
};
/// Forward through a stage takes 1, backward 2. Stage s forward waits for stage s-1 forward of the same micro-batch, and s backward
/// for s forward and s+1 backward.
UnitRun run_in_units(const PipelineTable& table, const PipelineShape& shape);

/// Time downwards, ranks side by side; where a rank waits for ever it says for what.
std::string grid_text(const PipelineTable& table, const PipelineShape& shape);

// One per order, defined in the file that explains it.
extern const PipelineOrder gpipe_order;
extern const PipelineOrder one_f_one_b_order;
extern const PipelineOrder interleaved_order;

}  // namespace convoy
