// The table of orders, and orders as text.

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

#include "reference/core/error.h"
#include "reference/plans/pipeline.h"

namespace convoy {
namespace {

/// One line of a table's text, read from left to right.
class Row {
 public:
  Row(std::string_view line, int number, const std::string& file) : line_(line), number_(number), file_(file) {}

  /// Whether anything is left but spaces and a comment.
  bool more() {
    while (at_ < line_.size() && std::isspace(static_cast<unsigned char>(line_[at_])) != 0) ++at_;
    return at_ < line_.size() && line_[at_] != '#';
  }
  [[nodiscard]] std::pair<int, int> place() const { return {number_, static_cast<int>(at_) + 1}; }
  [[noreturn]] void fail(const std::string& why) const {
    throw InputError(cat(file_, ":", number_, ":", at_ + 1, ": ", why));
  }
  /// Takes a word that begins the row, as "rank 0:".
  void skip_name(int rank) {
    if (!more() || !line_.substr(at_).starts_with("rank")) return;
    at_ += 4;
    (void)more();
    if (const int named = number("the number of the rank"); named != rank)
      fail(cat("this is the row of rank ", rank, ", and it is called rank ", named, "; rows stand in the order of the ranks"));
    if (at_ == line_.size() || line_[at_] != ':') fail("expected ':' behind the number of the rank, as in 'rank 0: F0 B0'");
    ++at_;
  }
  /// Takes "F3" or "5F3"; a stage of -1 stands for none.
  PipelineAction action() {
    const std::size_t begin = at_;
    PipelineAction action{.stage = -1};
    if (std::isdigit(static_cast<unsigned char>(line_[at_])) != 0) action.stage = number("the number of a stage");
    const char pass = at_ < line_.size() ? line_[at_] : ' ';
    if (pass != 'F' && pass != 'B') {
      const std::string_view word = line_.substr(begin, line_.find_first_of(" \t\r#", begin) - begin);
      at_ = begin;
      fail(cat("'", word, "' is no entry; write F or B and the number of a micro-batch, as in F0 or B0, with the stage before it "
               "where a rank has several, as in 2F0"));
    }
    action.backward = pass == 'B';
    ++at_;
    action.micro_batch = number(cat("the number of a micro-batch behind ", pass));
    return action;
  }

 private:
  int number(const std::string& what) {
    int value = 0;
    const char* end = line_.data() + line_.size();
    const auto [rest, status] = std::from_chars(line_.data() + at_, end, value);
    constexpr int most = 1'000'000;
    if (status != std::errc{} || value < 0 || value >= most) fail(cat("expected ", what, ", 0 to ", most - 1));
    at_ += static_cast<std::size_t>(rest - (line_.data() + at_));
    return value;
  }

  std::string_view line_;
  std::size_t at_ = 0;
  int number_;
  const std::string& file_;
};

/// The fault of a table as an error of whoever wrote it.
[[noreturn]] void throw_fault(const PipelineFault& fault, std::size_t faults) {
  throw InputError(cat("the order of the pipeline, rank ", fault.rank, ", entry ", fault.place + 1, ": ", fault.sentence,
                       faults > 1 ? cat(" (and ", faults - 1, " more)") : ""));
}

}  // namespace

std::span<const PipelineOrder> pipeline_orders() {
  static const std::array rows = {gpipe_order, one_f_one_b_order, interleaved_order};
  return rows;
}

const PipelineOrder& pipeline_order(std::string_view name) {
  std::vector<std::string> known;
  for (const PipelineOrder& order : pipeline_orders()) {
    if (order.name == name) return order;
    known.emplace_back(order.name);
  }
  throw_unknown_word("order", name, known);
}

PipelineTable table_of(const Pipeline& pipeline, int ranks) {
  const PipelineShape shape{ranks, pipeline.stages_per_rank, pipeline.micro_batches};
  if (pipeline.order != kOwnOrder) return pipeline_order(pipeline.order).make(shape);
  std::string text;
  for (const std::string& row : pipeline.table) text += row + "\n";
  PipelineTable table = parse_table(text, "order").table;
  if (static_cast<int>(table.size()) != ranks)
    throw InputError(cat("the order of the pipeline has rows for ", table.size(), " ranks, and the pipeline has ", ranks,
                         "; use as many ranks, or another order"));
  if (const std::vector<PipelineFault> faults = check_table(table, shape); !faults.empty())
    throw_fault(faults.front(), faults.size());
  return table;
}

PipelineTable forward_table(const PipelineShape& shape) {
  PipelineTable table(static_cast<std::size_t>(shape.ranks));
  for (int stage = 0; stage < shape.stages(); ++stage)
    for (int m = 0; m < shape.micro_batches; ++m)
      table[static_cast<std::size_t>(shape.rank_of(stage))].push_back({false, stage, m});
  return table;
}

std::string to_string(const PipelineAction& action, const PipelineShape& shape) {
  return cat(shape.stages_per_rank > 1 ? cat(action.stage) : "", action.backward ? "B" : "F", action.micro_batch);
}

std::string row_text(const std::vector<PipelineAction>& row, const PipelineShape& shape) {
  std::string text;
  for (const PipelineAction& action : row) text += cat(text.empty() ? "" : " ", to_string(action, shape));
  return text;
}

std::string to_text(const PipelineTable& table, const PipelineShape& shape) {
  std::string text;
  for (std::size_t rank = 0; rank < table.size(); ++rank) text += cat("rank ", rank, ": ", row_text(table[rank], shape), "\n");
  return text;
}

ParsedTable parse_table(std::string_view text, const std::string& file) {
  ParsedTable parsed;
  for (int number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    Row row(text.substr(0, end), number, file);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!row.more()) continue;
    const auto rank = static_cast<int>(parsed.table.size());
    row.skip_name(rank);
    parsed.table.emplace_back();
    parsed.where.emplace_back();
    while (row.more()) {
      parsed.where.back().push_back(row.place());
      PipelineAction action = row.action();
      if (action.stage < 0) action.stage = rank;
      parsed.micro_batches = std::max(parsed.micro_batches, action.micro_batch + 1);
      parsed.stages = std::max(parsed.stages, action.stage + 1);
      parsed.table.back().push_back(action);
    }
  }
  parsed.stages = std::max(parsed.stages, static_cast<int>(parsed.table.size()));
  if (parsed.micro_batches == 0)
    throw InputError(cat(file, ": there is no entry in it; write a line for each rank, for example: F0 F1 B0 B1"));
  return parsed;
}

}  // namespace convoy
