/// CSV: tables of text as spreadsheets write them (RFC 4180), with a header line, and where every cell stands.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace convoy {

/// A cell and the place of its first character, both counted from 1.
struct CsvCell {
  std::string text;
  int line = 0;
  int column = 0;
};

/// A table. Rows may have fewer cells than there are columns: what is missing reads as "".
struct CsvTable {
  std::string file;
  std::vector<std::string> columns;
  std::vector<std::vector<CsvCell>> rows;

  [[nodiscard]] bool has(std::string_view column) const;
  /// The text of a cell; "" when the table has no such column or the row no such cell.
  [[nodiscard]] const std::string& text(std::size_t row, std::string_view column) const;
  /// "FILE, line L, column C" of a cell, or of its row's beginning where the cell is missing.
  [[nodiscard]] std::string place(std::size_t row, std::string_view column) const;
  /// The finite number in a cell, nothing where it is empty or missing. Throws InputError with file, line and column for other
  /// text.
  [[nodiscard]] std::optional<double> number(std::size_t row, std::string_view column) const;

 private:
  [[nodiscard]] const CsvCell* cell(std::size_t row, std::string_view column) const;
};

/// Reads a table. Cells may stand in double quotes, in which "" is one quote and line breaks are text; lines end with LF or CRLF;
/// empty lines and a byte order mark are skipped. Throws InputError with file, line and column: no header, a header twice, a row
/// with more cells than columns, a quote that does not end or stands inside a cell.
CsvTable parse_csv(std::string_view text, const std::string& file_name);
/// The finite number that all of `text` is, without regard to the locale; nothing when it is none.
std::optional<double> parse_number(std::string_view text);
/// A cell as CSV: quoted when it must be.
std::string csv_cell(std::string_view text);

}  // namespace convoy
