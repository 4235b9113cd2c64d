#include "reference/io/layer_times.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "reference/core/error.h"
#include "reference/io/csv.h"

namespace convoy {
namespace {

constexpr const char* kExample = "layer,pass,batch,time_ms";
const std::vector<std::string> kPasses = {"forward", "backward", "backward_input", "backward_weights"};

/// The name of the column with times, and seconds in its unit.
std::pair<std::string, double> time_column(const CsvTable& table) {
  std::vector<std::pair<std::string, double>> found;
  for (const auto& [name, unit_s] : {std::pair{"time_s", 1.0}, {"time_ms", 1e-3}, {"time_us", 1e-6}})
    if (table.has(name)) found.emplace_back(name, unit_s);
  if (found.size() == 1) return found.front();
  throw InputError(cat(table.file, ", line 1, column 1: ",
                       found.empty() ? "there is no column time_s, time_ms or time_us" : "there are times in two units",
                       "; the columns are, for example, ", kExample));
}

double number_in(const CsvTable& table, std::size_t row, const std::string& column) {
  const std::optional<double> value = table.number(row, column);
  if (!value) throw InputError(cat(table.place(row, column), ": there is no ", column));
  return *value;
}

LayerTime read_row(const CsvTable& table, std::size_t row, const std::pair<std::string, double>& time) {
  LayerTime read{.layer = table.text(row, "layer"), .pass = table.text(row, "pass"), .place = table.place(row, "layer")};
  if (read.layer.empty()) throw InputError(cat(table.place(row, "layer"), ": the name of the layer is missing"));
  if (std::find(kPasses.begin(), kPasses.end(), read.pass) == kPasses.end()) {
    try {
      throw_unknown_word("pass", read.pass, kPasses);
    } catch (const InputError& error) {
      throw InputError(cat(table.place(row, "pass"), ": ", error.what()));
    }
  }
  constexpr double kMostImages = 1e9;
  const double batch = number_in(table, row, "batch");
  if (!(batch >= 1 && batch <= kMostImages && batch == std::floor(batch)))
    throw InputError(cat(table.place(row, "batch"), ": batch is ", table.text(row, "batch"), "; write a whole number of images"));
  read.batch = static_cast<int>(batch);
  read.time_s = number_in(table, row, time.first) * time.second;
  if (!(read.time_s >= 0 && std::isfinite(read.time_s)))
    throw InputError(
        cat(table.place(row, time.first), ": ", time.first, " is ", table.text(row, time.first), "; write 0 or more"));
  return read;
}

}  // namespace

bool is_csv_file(const std::string& name) { return name.ends_with(".csv"); }

LayerTimes parse_layer_times(const std::string& csv, const std::string& file_name) {
  const CsvTable table = parse_csv(csv, file_name);
  for (const char* column : {"layer", "pass", "batch"})
    if (!table.has(column))
      throw InputError(
          cat(file_name, ", line 1, column 1: there is no column ", column, "; the columns are, for example, ", kExample));
  const std::pair<std::string, double> time = time_column(table);
  LayerTimes times{file_name, {}};
  std::set<std::tuple<std::string, std::string, int>> seen;
  std::map<std::string, bool> together;  // layer -> whether its backward is in one
  for (std::size_t row = 0; row < table.rows.size(); ++row) {
    const LayerTime read = read_row(table, row, time);
    if (!seen.emplace(read.layer, read.pass, read.batch).second)
      throw InputError(cat(read.place, ": ", read.pass, " of ", read.layer, " with ", read.batch, " images is there twice"));
    if (read.pass != "forward") {
      const auto [found, fresh] = together.try_emplace(read.layer, read.pass == "backward");
      if (!fresh && found->second != (read.pass == "backward"))
        throw InputError(
            cat(read.place, ": ", read.layer, " has backward, which is both of its halves, and one of them beside it"));
    }
    times.rows.push_back(read);
  }
  if (times.rows.empty()) throw InputError(cat(file_name, ", line 1, column 1: there are no times below the header"));
  return times;
}

}  // namespace convoy
