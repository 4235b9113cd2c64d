#include <filesystem>

#include "reference/io/file.h"
#include "simulator/validate/cells.h"

namespace convoy {

Tables read_tables(const std::string& folder) {
  std::error_code error;
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error))
    if (entry.path().extension() == ".csv") files.push_back(entry.path());
  if (error)
    throw InputError(cat("cannot read the folder '", folder, "': ", error.message(), "; give one with tables of measurements"));
  std::sort(files.begin(), files.end());
  Tables tables;
  for (const auto& file : files) tables[file.stem().string()] = parse_csv(read_file(file.string()), file.string());
  if (!tables.contains("hardware"))
    throw InputError(cat("the folder '", folder, "' has no hardware.csv, which says what the measurements were made on"));
  if (tables.size() == 1)
    throw InputError(cat("the folder '", folder, "' has no table besides hardware.csv, for example collectives.csv"));
  return tables;
}

std::string precision_of(const std::string& words, const Gpu& gpu) {
  const std::string text = lower_case(words);
  if (text.starts_with("amp") || text.starts_with("mixed")) return "amp";
  if (text.starts_with("fp16")) return "fp16";
  if (text.starts_with("bf16")) return "bf16";
  if (text.find("tf32") != std::string::npos) return gpu.has_tf32() ? "tf32" : "fp32";
  if (text.starts_with("fp32") || text.starts_with("float32")) return "fp32";
  throw NotDone(text.empty() ? std::string("precision not stated") : cat("precision '", words, "'"));
}

std::vector<Prediction> each_row(const CsvTable& table, const std::string& name,
                                 const std::function<std::vector<Prediction>(std::size_t)>& predict) {
  std::vector<Prediction> all;
  for (std::size_t row = 0; row < table.rows.size(); ++row) {
    std::vector<Prediction> predictions;
    try {
      predictions = predict(row);
    } catch (const std::exception& reason) {  // NotDone; or a plan or shape that makes no sense, or text where a number belongs
      predictions = {{.how = reason.what()}};
    }
    for (Prediction& prediction : predictions) {
      prediction.table = name;
      prediction.case_id = table.text(row, "case_id");
      prediction.target = !table.text(row, "verified").starts_with("no");
      if (prediction.what.empty()) prediction.what = table.place(row, "case_id");
      all.push_back(std::move(prediction));
    }
  }
  return all;
}

namespace {

/// The predictor for a table's form, which its columns tell.
std::vector<Prediction> predict_table(const std::string& name, const CsvTable& table,
                                      const std::map<std::string, Hardware>& hardware) {
  if (table.has("concurrent_jobs")) return predict_contention(table, hardware);
  if (table.has("op") && table.has("size_bytes")) return predict_collectives(table, hardware);
  if (table.has("strategy") && table.has("metric")) return predict_training(table, hardware);
  if (table.has("layer") && table.has("forward_ms")) return predict_layers(table, hardware);
  if (table.has("filter_w") && table.has("out_c")) return predict_convolutions(table, hardware);
  return each_row(table, name,
                  [](std::size_t) -> std::vector<Prediction> { throw NotDone("a table of a form that is not known"); });
}

}  // namespace

std::vector<Prediction> predict_all(const Tables& tables) {
  const std::map<std::string, Hardware> hardware = read_hardware(tables.at("hardware"));
  std::vector<Prediction> all;
  for (const auto& [name, table] : tables) {
    if (name == "hardware" || name == "sources") continue;
    for (Prediction& prediction : predict_table(name, table, hardware)) {
      prediction.table = name;
      all.push_back(std::move(prediction));
    }
  }
  return all;
}

}  // namespace convoy
