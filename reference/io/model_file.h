/// Networks by the word that a person types: of the zoo, changed in size, or from a file.
#pragma once

#include <optional>
#include <string>

#include "reference/model/model.h"

namespace convoy {

/// A network, and the values that its file came with.
struct LoadedModel {
  Model model;
  std::optional<ModelValues> values = {};  ///< nothing for a network of the zoo
};

/// The forms: `NAME`, `NAME@CxHxW` for other images, `NAME/CLASSES` or `NAME@CxHxW/CLASSES` for another number of classes, `FILE.onnx`. The
/// model is called what was typed, a file by its name without folder and ".onnx".
/// An InputError names the nearest network, or says what is wrong with the word or the file.
LoadedModel load_model(const std::string& word);

}  // namespace convoy
