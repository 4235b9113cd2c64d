#include "reference/io/csv.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "reference/core/error.h"

namespace convoy {
namespace {

/// Walks over the text once, counting lines and columns.
class Reader {
 public:
  Reader(std::string_view text, const std::string& file) : text_(text), file_(file) {
    if (text_.starts_with("\xEF\xBB\xBF")) text_.remove_prefix(3);
  }

  /// The cells of the next line that is not empty; nothing at the end.
  std::vector<CsvCell> row() {
    while (at_ < text_.size() && (peek() == '\n' || peek() == '\r')) step();
    std::vector<CsvCell> cells;
    if (at_ == text_.size()) return cells;
    cells.push_back(cell());
    while (at_ < text_.size() && peek() == ',') {
      step();
      cells.push_back(cell());
    }
    return cells;
  }

 private:
  [[nodiscard]] char peek() const { return text_[at_]; }
  [[nodiscard]] bool at_line_end() const { return at_ == text_.size() || peek() == '\n' || peek() == '\r'; }

  void step() {
    if (peek() == '\n') {
      ++line_;
      column_ = 0;
    }
    ++column_;
    ++at_;
  }

  CsvCell cell() {
    CsvCell result{.text = "", .line = line_, .column = column_};
    if (!at_line_end() && peek() == '"') {
      quoted(result);
      return result;
    }
    while (!at_line_end() && peek() != ',') {
      if (peek() == '"')
        fail("a double quote inside a cell; put the whole cell in double quotes and write \"\" for each of its own");
      result.text += peek();
      step();
    }
    return result;
  }

  void quoted(CsvCell& result) {
    step();
    while (true) {
      if (at_ == text_.size())
        throw InputError(cat(file_, ", line ", result.line, ", column ", result.column, ": the double quote here never ends"));
      const char c = peek();
      step();
      if (c == '"') {
        if (at_ == text_.size() || peek() != '"') break;
        step();
      }
      result.text += c;
    }
    if (!at_line_end() && peek() != ',') fail("text after the closing double quote; a comma or the end of the line must follow");
  }

  [[noreturn]] void fail(const std::string& what) const {
    throw InputError(cat(file_, ", line ", line_, ", column ", column_, ": ", what));
  }

  std::string_view text_;
  const std::string& file_;
  std::size_t at_ = 0;
  int line_ = 1;
  int column_ = 1;
};

}  // namespace

bool CsvTable::has(std::string_view column) const { return std::find(columns.begin(), columns.end(), column) != columns.end(); }

const CsvCell* CsvTable::cell(std::size_t row, std::string_view column) const {
  const auto found = std::find(columns.begin(), columns.end(), column);
  const auto index = static_cast<std::size_t>(found - columns.begin());
  return found == columns.end() || index >= rows.at(row).size() ? nullptr : &rows.at(row)[index];
}

const std::string& CsvTable::text(std::size_t row, std::string_view column) const {
  static const std::string nothing;
  const CsvCell* found = cell(row, column);
  return found == nullptr ? nothing : found->text;
}

std::string CsvTable::place(std::size_t row, std::string_view column) const {
  const CsvCell* found = cell(row, column);
  const CsvCell& here = found == nullptr ? rows.at(row).front() : *found;
  return cat(file, ", line ", here.line, ", column ", here.column);
}

std::optional<double> CsvTable::number(std::size_t row, std::string_view column) const {
  const std::string& content = text(row, column);
  if (content.find_first_not_of(" \t") == std::string::npos) return std::nullopt;
  const std::optional<double> value = parse_number(content);
  if (!value)
    throw InputError(cat(place(row, column), ": '", content, "' in column ", column, " is no number, for example 12.5"));
  return value;
}

CsvTable parse_csv(std::string_view text, const std::string& file_name) {
  CsvTable table;
  table.file = file_name;
  Reader reader(text, file_name);
  for (const CsvCell& cell : reader.row()) {
    if (table.has(cell.text))
      throw InputError(
          cat(file_name, ", line ", cell.line, ", column ", cell.column, ": the column '", cell.text, "' is there twice"));
    table.columns.push_back(cell.text);
  }
  if (table.columns.empty())
    throw InputError(
        cat(file_name, ", line 1, column 1: the file is empty; its first line must name the columns, separated by commas"));
  for (std::vector<CsvCell> row = reader.row(); !row.empty(); row = reader.row()) {
    if (row.size() > table.columns.size()) {
      const CsvCell& extra = row[table.columns.size()];
      throw InputError(cat(file_name, ", line ", extra.line, ", column ", extra.column, ": the row has ", row.size(),
                           " cells and the header ", table.columns.size(), "; put cells with commas in double quotes"));
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

std::optional<double> parse_number(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return std::nullopt;
  text = text.substr(first, text.find_last_not_of(" \t") - first + 1);
  if (text.starts_with('+')) text.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

std::string csv_cell(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

}  // namespace convoy
