/// A model as a table: what every layer makes, learns and costs.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "reference/model/model.h"

namespace convoy {

/// One layer for a batch.
struct ModelRow {
  std::string name;
  std::string layer;  ///< kind and settings
  Shape output;
  std::int64_t parameters = 0;
  Work forward;
  Work backward_input;  ///< nothing for a layer that reads the images: nobody needs their gradient
  Work backward_weights;
  std::int64_t activation_bytes = 0;  ///< of its output
  std::int64_t kept_bytes = 0;        ///< of the same where backward reads it: it has to lie in memory until then
};
std::vector<ModelRow> model_rows(const Model& model, int batch, DType dtype);
/// The sums over all rows; name "total".
ModelRow total_of(const std::vector<ModelRow>& rows);

/// The rows and their total, with FLOPs and bytes of the three passes.
std::string model_table(const Model& model, int batch, DType dtype);
/// {"model", "batch", "parameters", "forward_flops", ..., "layers": [...], "provenance"}; fields carry their unit.
nlohmann::ordered_json model_json(const Model& model, int batch, DType dtype);

/// The networks that come with Convoy.
std::string zoo_table();
nlohmann::ordered_json zoo_json();

}  // namespace convoy
