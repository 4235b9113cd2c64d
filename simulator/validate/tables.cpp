#include <filesystem>

#include "reference/io/file.h"
#include "simulator/validate/cells.h"
#include "simulator/validate/columns.h"

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
  for (const auto& file : files)
    tables[file.stem().string()] = with_known_columns(parse_csv(read_file(file.string()), file.string()));
  if (!tables.contains("hardware"))
    throw InputError(cat("the folder '", folder, "' has no hardware.csv, which says what the measurements were made on"));
  if (tables.size() == 1)
    throw InputError(cat("the folder '", folder, "' has no table besides hardware.csv, for example collectives.csv"));
  return tables;
}

std::string precision_of(const std::string& words, const Gpu& gpu) {
  const std::string text = lower_case(words);
  const auto says = [&](std::initializer_list<std::string_view> words_of_one) {
    return std::any_of(words_of_one.begin(), words_of_one.end(),
                       [&](std::string_view word) { return contains_word(text, word); });
  };
  if (says({"tf32"})) return gpu.has_tf32() ? "tf32" : "fp32";  // before amp, which "fp32 flag on Ampere" has in it
  if (says({"amp", "mixed"})) return "amp";
  if (says({"bf16", "bfloat16"})) return "bf16";
  if (says({"fp16", "float16", "half"})) return "fp16";
  if (says({"fp64", "float64", "double"})) return "fp64";
  if (says({"fp32", "float32", "single"})) return "fp32";
  throw NotDone(text.empty() ? std::string("precision not stated") : cat("precision '", words, "'"));
}

int nccl_version(const std::string& words) {
  const std::size_t at = words.find("NCCL ");
  if (at == std::string::npos) return 0;
  int version = 0;
  int parts = 0;
  for (std::size_t i = at + 5; parts < 3 && i < words.size();) {
    if (std::isdigit(static_cast<unsigned char>(words[i])) == 0) break;
    int part = 0;
    for (; i < words.size() && std::isdigit(static_cast<unsigned char>(words[i])) != 0; ++i)
      part = std::min(part * 10 + (words[i] - '0'), 99);
    version = version * 100 + part;
    ++parts;
    if (i >= words.size() || words[i] != '.') break;
    ++i;
  }
  for (; parts > 0 && parts < 3; ++parts) version *= 100;
  return version;
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
std::vector<Prediction> predict_table(const std::string& name, const CsvTable& table, const AllHardware& hardware,
                                      Fidelity fidelity) {
  if (table.has("concurrent_jobs")) return predict_contention(table, hardware, fidelity);
  if (table.has("op") && table.has("size_bytes")) return predict_collectives(table, hardware, fidelity);
  if (table.has("metric") && table.has("model")) return predict_training(table, hardware, fidelity);
  if (table.has("layer") && table.has("forward_ms")) return predict_layers(table, hardware);
  if (table.has("filter_w") && table.has("out_c")) return predict_convolutions(table, hardware);
  return each_row(table, name,
                  [](std::size_t) -> std::vector<Prediction> { throw NotDone("a table of a form that is not known"); });
}

}  // namespace

std::vector<Prediction> predict_all(const Tables& tables, Fidelity fidelity) {
  const AllHardware hardware = read_hardware(tables.at("hardware"));
  std::vector<Prediction> all;
  for (const auto& [name, table] : tables) {
    if (name == "hardware" || name == "sources") continue;
    for (Prediction& prediction : predict_table(name, table, hardware, fidelity)) {
      prediction.table = name;
      all.push_back(std::move(prediction));
    }
  }
  return all;
}

}  // namespace convoy
