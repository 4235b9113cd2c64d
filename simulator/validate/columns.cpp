#include "simulator/validate/columns.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "reference/core/units.h"

namespace convoy {
namespace {

/// Another name of a column, and what numbers in it are multiplied by to be in our unit; 0: its text is taken as it is.
struct Alias {
  const char* ours;
  const char* theirs;
  double factor = 0;
};

constexpr std::array kAliases = {
    Alias{"hardware_id", "hardware"},
    Alias{"hardware_id", "machine"},
    Alias{"hardware_id", "system"},
    Alias{"case_id", "case"},
    Alias{"source_id", "source"},
    Alias{"op", "operation"},
    Alias{"op", "collective"},
    Alias{"ranks", "world_size"},
    Alias{"ranks", "n_ranks"},
    Alias{"ranks", "processes"},
    Alias{"ranks", "gpus"},
    Alias{"gpus", "n_gpus"},
    Alias{"gpus", "num_gpus"},
    Alias{"gpus", "devices"},
    Alias{"gpus", "world_size"},
    Alias{"gpus", "ranks"},
    Alias{"nodes", "n_nodes"},
    Alias{"nodes", "num_nodes"},
    Alias{"nodes", "hosts"},
    Alias{"ranks_per_node", "gpus_per_node"},
    Alias{"ranks_per_node", "ppn"},
    Alias{"gpus_per_node", "ranks_per_node"},
    Alias{"size_bytes", "bytes"},
    Alias{"size_bytes", "message_bytes"},
    Alias{"size_bytes", "size_B", 1},
    Alias{"size_bytes", "size_KiB", KiB},
    Alias{"size_bytes", "size_MiB", MiB},
    Alias{"size_bytes", "size_GiB", GiB},
    Alias{"size_bytes", "size_KB", kB},
    Alias{"size_bytes", "size_MB", MB},
    Alias{"size_bytes", "size_GB", GB},
    Alias{"time_us", "latency_us"},
    Alias{"time_us", "time_ms", 1e3},
    Alias{"time_us", "time_s", 1e6},
    Alias{"time_us", "time_ns", 1e-3},
    Alias{"time_us", "time_inplace_us"},
    Alias{"algbw_GB_per_s", "algbw_GiB_per_s", GiB / GB},
    Alias{"busbw_GB_per_s", "busbw_GiB_per_s", GiB / GB},
    Alias{"concurrent_jobs", "jobs"},
    Alias{"model", "network"},
    Alias{"model", "architecture"},
    Alias{"image_px", "image_size"},
    Alias{"image_px", "resolution_px"},
    Alias{"batch_per_gpu", "batch_size_per_gpu"},
    Alias{"batch_per_gpu", "local_batch"},
    Alias{"global_batch", "global_batch_size"},
    Alias{"global_batch", "total_batch"},
    Alias{"precision", "dtype"},
    Alias{"precision", "data_type"},
    Alias{"framework", "software"},
    Alias{"forward_ms", "forward_us", 1e-3},
    Alias{"forward_ms", "forward_s", 1e3},
    Alias{"backward_ms", "backward_us", 1e-3},
    Alias{"backward_ms", "backward_s", 1e3},
    Alias{"gpu", "gpu_name"},
    Alias{"gpu", "device"},
    Alias{"gpus_per_node", "devices_per_node"},
    Alias{"gpu_mem_bw_GB_per_s", "gpu_mem_bw_TB_per_s", 1e3},
    Alias{"nic_Gbit_per_s", "nic_GB_per_s", 8},
};

/// Columns that are a metric with its unit, of tables without `metric`.
struct Metric {
  const char* theirs;
  const char* metric;
  const char* unit;
};
constexpr std::array kMetrics = {Metric{"throughput_images_per_s", "throughput", "images/s"},
                                 Metric{"images_per_s", "throughput", "images/s"},
                                 Metric{"throughput", "throughput", "images/s"},
                                 Metric{"step_time_ms", "step_time", "ms"},
                                 Metric{"step_time_s", "step_time", "s"},
                                 Metric{"epoch_time_s", "epoch_time", "s"}};

const CsvCell* cell_of(const CsvTable& table, std::size_t row, std::string_view column) {
  const auto found = std::find(table.columns.begin(), table.columns.end(), column);
  const auto at = static_cast<std::size_t>(found - table.columns.begin());
  return found == table.columns.end() || at >= table.rows[row].size() ? nullptr : &table.rows[row][at];
}

/// A column at the end, with what `make` makes of the cell of every row; null where the row has none.
template <typename Make>
void add_column(CsvTable& table, const char* name, const Make& make) {
  const std::size_t width = table.columns.size();
  for (std::size_t row = 0; row < table.rows.size(); ++row) {
    CsvCell made = make(row);
    table.rows[row].resize(width);
    table.rows[row].push_back(std::move(made));
  }
  table.columns.emplace_back(name);
}

std::string converted(const std::string& text, double factor) {
  const auto number = parse_number(text);
  if (factor == 0 || !number) return text;
  std::array<char, 32> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), *number * factor).ptr;
  return {digits.data(), end};
}

}  // namespace

CsvTable with_known_columns(CsvTable table) {
  const std::vector<std::string> theirs = table.columns;
  const auto has_theirs = [&](const char* name) { return std::find(theirs.begin(), theirs.end(), name) != theirs.end(); };
  for (const Alias& alias : kAliases) {
    if (table.has(alias.ours) || !has_theirs(alias.theirs)) continue;
    add_column(table, alias.ours, [&](std::size_t row) {
      const CsvCell* cell = cell_of(table, row, alias.theirs);
      return cell == nullptr ? CsvCell{} : CsvCell{converted(cell->text, alias.factor), cell->line, cell->column};
    });
  }
  for (const Metric& metric : kMetrics) {
    if (table.has("metric") || table.has("value") || !has_theirs(metric.theirs)) continue;
    const auto same = [](const char* text) { return [text](std::size_t) { return CsvCell{text, 0, 0}; }; };
    add_column(table, "value", [&](std::size_t row) {
      const CsvCell* cell = cell_of(table, row, metric.theirs);
      return cell == nullptr ? CsvCell{} : *cell;
    });
    add_column(table, "metric", same(metric.metric));
    if (!table.has("unit")) add_column(table, "unit", same(metric.unit));
  }
  return table;
}

}  // namespace convoy
