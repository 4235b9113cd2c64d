#include "simulator/report/table.h"

#include <fmt/format.h>

#include <algorithm>

#include "reference/core/error.h"

namespace convoy {
namespace {

/// One line of cells, padded to the widths of the columns.
std::string line_of(const std::vector<std::string>& cells, const std::vector<Column>& columns,
                    const std::vector<std::size_t>& widths) {
  std::string line;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (i > 0) line += "  ";
    line +=
        columns[i].align == Align::left ? fmt::format("{:<{}}", cells[i], widths[i]) : fmt::format("{:>{}}", cells[i], widths[i]);
  }
  line.erase(line.find_last_not_of(' ') + 1);
  return line + "\n";
}

/// The headers as rows of cells, the last lines aligned with each other.
std::vector<std::vector<std::string>> header_rows(const std::vector<Column>& columns) {
  std::vector<std::vector<std::string>> lines(columns.size());
  std::size_t height = 0;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    std::size_t begin = 0;
    for (std::size_t end = 0; end != std::string::npos; begin = end + 1) {
      end = columns[i].header.find('\n', begin);
      lines[i].push_back(columns[i].header.substr(begin, end == std::string::npos ? end : end - begin));
    }
    height = std::max(height, lines[i].size());
  }
  std::vector<std::vector<std::string>> rows(height, std::vector<std::string>(columns.size()));
  for (std::size_t i = 0; i < columns.size(); ++i)
    for (std::size_t l = 0; l < lines[i].size(); ++l) rows[height - lines[i].size() + l][i] = lines[i][l];
  return rows;
}

}  // namespace

Table::Table(std::vector<Column> columns) : columns_(std::move(columns)) {
  require(!columns_.empty(), "Table", "a table needs at least one column");
}

void Table::add_row(std::vector<std::string> cells) {
  require(cells.size() == columns_.size(), "Table", "a row has ", cells.size(), " cells for ", columns_.size(), " columns");
  rows_.push_back(std::move(cells));
}

void Table::add_rule() { rows_.emplace_back(); }

std::string Table::to_string() const {
  const std::vector<std::vector<std::string>> headers = header_rows(columns_);
  std::vector<std::size_t> widths(columns_.size(), 0);
  for (const auto* rows : {&headers, &rows_})
    for (const std::vector<std::string>& row : *rows)
      for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());

  std::size_t total = 2 * (widths.size() - 1);
  for (const std::size_t width : widths) total += width;
  const std::string rule = std::string(total, '-') + "\n";

  std::string text;
  if (std::any_of(columns_.begin(), columns_.end(), [](const Column& column) { return !column.header.empty(); })) {
    for (const std::vector<std::string>& row : headers) text += line_of(row, columns_, widths);
    text += rule;
  }
  for (const std::vector<std::string>& row : rows_) text += row.empty() ? rule : line_of(row, columns_, widths);
  return text;
}

std::string format_percent(double fraction) { return fmt::format("{:.1f} %", 100 * fraction); }
std::string format_signed_percent(double fraction) { return fmt::format("{:+.1f} %", 100 * fraction); }

}  // namespace convoy
