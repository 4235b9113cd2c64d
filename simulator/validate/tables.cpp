#include <filesystem>

#include "reference/io/file.h"
#include "simulator/validate/cells.h"

namespace convoy {

Tables read_tables(const std::string& folder) {
  std::error_code error;
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error))
    if (entry.path().extension() == ".csv") files.push_back(entry.path());
  if (error) throw InputError(cat("cannot read the folder '", folder, "': ", error.message(), "; give one with tables of measurements"));
  std::sort(files.begin(), files.end());
  Tables tables;
  for (const auto& file : files) tables[file.stem().string()] = parse_csv(read_file(file.string()), file.string());
  if (!tables.contains("hardware"))
    throw InputError(cat("the folder '", folder, "' has no hardware.csv, which says what the measurements were made on"));
  if (tables.size() == 1) throw InputError(cat("the folder '", folder, "' has no table besides hardware.csv, for example collectives.csv"));
  return tables;
}

std::vector<Prediction> each_row(const CsvTable& table, const std::string& name, const std::function<Prediction(std::size_t)>& predict) {
  std::vector<Prediction> predictions;
  for (std::size_t row = 0; row < table.rows.size(); ++row) {
    Prediction prediction;
    try {
      prediction = predict(row);
    } catch (const NotDone& reason) {
      prediction.how = reason.what();
    } catch (const std::exception& refused) {  // a plan or shape that makes no sense, text where a number belongs
      prediction.how = refused.what();
    }
    prediction.table = name;
    prediction.case_id = table.text(row, "case_id");
    prediction.target = !table.text(row, "verified").starts_with("no");
    if (prediction.what.empty()) prediction.what = table.place(row, "case_id");
    predictions.push_back(std::move(prediction));
  }
  return predictions;
}

std::vector<Prediction> predict_all(const Tables& tables) {
  const std::map<std::string, Hardware> hardware = read_hardware(tables.at("hardware"));
  std::vector<Prediction> all;
  for (const auto& [name, table] : tables) {
    if (name == "hardware" || name == "sources") continue;
    std::vector<Prediction> some;
    if (name == "collectives" || (table.has("op") && !table.has("concurrent_jobs"))) {
      some = predict_collectives(table, hardware);
    } else if (table.has("concurrent_jobs")) {
      some = predict_contention(table, hardware);
    } else {
      some = each_row(table, name, [](std::size_t) -> Prediction { throw NotDone("no predictor for this form of table yet"); });
    }
    for (Prediction& prediction : some) prediction.table = name;
    all.insert(all.end(), some.begin(), some.end());
  }
  return all;
}

}  // namespace convoy
