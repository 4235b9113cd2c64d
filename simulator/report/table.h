/// Table: text in aligned columns, for people.
#pragma once

#include <string>
#include <vector>

namespace convoy {

enum class Align : unsigned char { left, right };

/// A column: its header (may hold several lines) and on which side its cells stand.
struct Column {
  std::string header;
  Align align = Align::right;
};

/// Rows of cells. Columns are as wide as their widest cell and stand two spaces apart.
class Table {
 public:
  explicit Table(std::vector<Column> columns);
  /// Throws std::invalid_argument unless there is one cell for each column.
  void add_row(std::vector<std::string> cells);
  /// A line of dashes, for example above totals.
  void add_rule();
  /// The headers (left out when all are empty), a rule and the rows; every line ends with a newline, none with a space.
  [[nodiscard]] std::string to_string() const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;  ///< an empty row is a rule
};

/// "4.2 %", "-12.0 %": a fraction for people.
std::string format_percent(double fraction);
/// The same with its sign: "+4.2 %".
std::string format_signed_percent(double fraction);

}  // namespace convoy
