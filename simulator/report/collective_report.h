/// Times of a collective in the columns of nccl-tests.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "reference/collectives/collective.h"

namespace convoy {

/// Sizes of a buffer: every one from the first to the last by a factor.
struct CollectiveSizes {
  std::int64_t first_bytes = 4;
  std::int64_t last_bytes = 4;
  int factor = 2;
  [[nodiscard]] std::vector<std::int64_t> all() const;
};
/// "100MB" is one size, "1KiB..64MiB:x2" a range. An InputError says what is wrong; every size is a whole number of floats.
CollectiveSizes parse_collective_sizes(const std::string& text);

/// What was run or simulated.
struct CollectiveCase {
  CollectiveKind kind = CollectiveKind::all_reduce;
  std::string algorithm = "ring";
  int ranks = 1;
  int chunks = 1;
  int channels = 1;
  int ranks_per_node = 0;  ///< 0: not known
};
/// What it asks of rank 0 of the group, for a buffer of this many bytes (f32).
CollectiveRequest request_of(const CollectiveCase& what, std::int64_t bytes);

/// One size. algbw and busbw follow from bytes and time.
struct CollectiveRow {
  std::int64_t bytes = 0;  ///< of the buffer of a rank
  double time_s = 0;
  std::optional<double>
      formula_time_s;                 ///< closed form of the algorithm on idle links of one kind; nothing when they are unknown
  std::optional<std::int64_t> wrong;  ///< elements that differ from the right result; nothing when no data moved
};

/// The closed form of the algorithm for a buffer of this many bytes (f32) on links of this kind; nothing when there is none.
std::optional<double> formula_time_s(const CollectiveCase& what, std::int64_t bytes, const LinkModel& link);

/// `size(B) count type redop time(us) algbw(GB/s) busbw(GB/s) #wrong`, and the time(us) of the formula.
std::string collective_table(const CollectiveCase& what, const std::vector<CollectiveRow>& rows);

/// What the columns of that table mean, in two or three lines. `by_formula`: whether any row has a time by formula.
std::string collective_legend(CollectiveKind kind, bool by_formula);

/// The rows of a table in the columns of nccl-tests, as convoy-train prints it; lines that are no rows are skipped.
std::vector<CollectiveRow> parse_collective_table(const std::string& text);

/// {"collective", "algorithm", "ranks", "chunks", "channels", "ranks_per_node", "sizes": [{"bytes", "count", "time_s",
/// "algbw_bytes_per_s", "busbw_bytes_per_s", "wrong", "formula_time_s"}]}; with one size, its fields stand at the top too. wrong
/// is null when no data moved.
nlohmann::ordered_json collective_json(const CollectiveCase& what, const std::vector<CollectiveRow>& rows);

}  // namespace convoy
