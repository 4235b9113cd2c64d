#include "simulator/report/collective_report.h"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>

#include "reference/core/dtype.h"
#include "reference/core/error.h"
#include "reference/core/units.h"
#include "simulator/report/range.h"
#include "simulator/report/table.h"

namespace convoy {
namespace {

std::int64_t count_of(std::int64_t bytes) { return bytes / size_bytes(DType::f32); }

std::int64_t whole_floats(std::int64_t bytes) {
  if (bytes < 1 || bytes % size_bytes(DType::f32) != 0)
    throw InputError(
        cat(bytes, " bytes are not a whole number of floats; give a multiple of ", size_bytes(DType::f32), ", at least one"));
  return bytes;
}

double algorithm_bandwidth(const CollectiveRow& row) { return row.time_s > 0 ? static_cast<double>(row.bytes) / row.time_s : 0; }

double bus_bandwidth_of(const CollectiveCase& what, const CollectiveRow& row) {
  return bus_bandwidth(what.kind, static_cast<double>(row.bytes), row.time_s, what.ranks);
}

nlohmann::ordered_json row_json(const CollectiveCase& what, const CollectiveRow& row) {
  nlohmann::ordered_json json = {{"bytes", row.bytes},
                                 {"count", count_of(row.bytes)},
                                 {"time_s", row.time_s},
                                 {"algbw_bytes_per_s", algorithm_bandwidth(row)},
                                 {"busbw_bytes_per_s", bus_bandwidth_of(what, row)},
                                 {"wrong", nullptr},
                                 {"formula_time_s", nullptr}};
  if (row.formula_time_s) json["formula_time_s"] = *row.formula_time_s;
  if (row.wrong) json["wrong"] = *row.wrong;
  return json;
}

}  // namespace

std::vector<std::int64_t> CollectiveSizes::all() const {
  std::vector<std::int64_t> sizes = {first_bytes};
  while (sizes.back() <= last_bytes / factor) sizes.push_back(sizes.back() * factor);
  return sizes;
}

CollectiveSizes parse_collective_sizes(const std::string& text) {
  const std::optional<RangeText> range = parse_range(text);
  if (!range) {
    const std::int64_t bytes = whole_floats(parse_bytes(text));
    return {.first_bytes = bytes, .last_bytes = bytes, .factor = 2};
  }
  const CollectiveSizes sizes{
      .first_bytes = whole_floats(parse_bytes(range->first)), .last_bytes = parse_bytes(range->last), .factor = range->factor};
  if (sizes.first_bytes > sizes.last_bytes) throw InputError(cat("the range of sizes '", text, "' begins after its end"));
  return sizes;
}

CollectiveRequest request_of(const CollectiveCase& what, std::int64_t bytes) {
  return {.world_size = what.ranks,
          .count = count_of(bytes),
          .chunks = what.chunks,
          .channels = what.channels,
          .ranks_per_node = what.ranks_per_node};
}

std::optional<double> formula_time_s(const CollectiveCase& what, std::int64_t bytes, const LinkModel& link) {
  const CollectiveAlgorithm& algorithm = collective_algorithm(what.kind, what.algorithm);
  if (algorithm.time_s == nullptr) return std::nullopt;
  const double time_s = algorithm.time_s(request_of(what, bytes), static_cast<double>(bytes), link);
  return std::isnan(time_s) ? std::nullopt : std::optional(time_s);
}

std::string collective_table(const CollectiveCase& what, const std::vector<CollectiveRow>& rows) {
  Table table(
      {{"size(B)"}, {"count"}, {"type"}, {"redop"}, {"time(us)"}, {"algbw(GB/s)"}, {"busbw(GB/s)"}, {"#wrong"}, {"formula(us)"}});
  for (const CollectiveRow& row : rows) {
    table.add_row({fmt::format("{}", row.bytes), fmt::format("{}", count_of(row.bytes)), "float",
                   is_reduction(what.kind) ? "sum" : "none", fmt::format("{:.2f}", row.time_s / us),
                   fmt::format("{:.3f}", algorithm_bandwidth(row) / GB), fmt::format("{:.3f}", bus_bandwidth_of(what, row) / GB),
                   row.wrong ? fmt::format("{}", *row.wrong) : "N/A",
                   row.formula_time_s ? fmt::format("{:.2f}", *row.formula_time_s / us) : "N/A"});
  }
  return table.to_string();
}

std::string collective_legend(CollectiveKind kind, bool by_formula) {
  const bool all_reduces = kind == CollectiveKind::all_reduce,
             whole = kind == CollectiveKind::broadcast || kind == CollectiveKind::reduce;
  return cat(
      "time: until the last rank is done; algbw: size / time; busbw: algbw x ",
      all_reduces ? "2(n-1)/n on n ranks"
      : whole     ? "1"
                  : "(n-1)/n on n ranks",
      ", what every rank's link carries, as nccl-tests\nhas it; #wrong: elements that are not right, N/A where nothing moved\n",
      by_formula ? "formula: as if every message had a link like the slowest here to itself: more where most are in nodes, less "
                   "where links are shared\n"
                 : "");
}

std::vector<CollectiveRow> parse_collective_table(const std::string& text) {
  std::vector<CollectiveRow> rows;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    CollectiveRow row;
    std::int64_t count = 0;
    std::int64_t wrong = 0;
    double time_us = 0;
    double bandwidth = 0;
    std::string word;
    if (!(words >> row.bytes >> count >> word >> word >> time_us >> bandwidth >> bandwidth >> wrong)) continue;
    row.time_s = time_us * us;
    row.wrong = wrong;
    rows.push_back(row);
  }
  return rows;
}

nlohmann::ordered_json collective_json(const CollectiveCase& what, const std::vector<CollectiveRow>& rows) {
  nlohmann::ordered_json json = {{"collective", to_string(what.kind)},
                                 {"algorithm", what.algorithm},
                                 {"ranks", what.ranks},
                                 {"chunks", what.chunks},
                                 {"channels", what.channels},
                                 {"ranks_per_node", what.ranks_per_node}};
  nlohmann::ordered_json sizes = nlohmann::ordered_json::array();
  for (const CollectiveRow& row : rows) sizes.push_back(row_json(what, row));
  if (rows.size() == 1) json.update(sizes[0]);
  json["sizes"] = sizes;
  return json;
}

}  // namespace convoy
