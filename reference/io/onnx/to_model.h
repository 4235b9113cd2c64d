/// From the operators of an ONNX file to a Model and the values it comes with.
#pragma once

#include <string>

#include "reference/io/onnx/graph.h"
#include "reference/model/model.h"

namespace convoy {

/// A network read from a file, with its learned values.
struct ReadModel {
  Model model;
  ModelValues values;
};

/// Nodes get PyTorch's names where the file tells them ("layer1.0.conv1"). Operators that move nothing (Identity, Flatten,
/// Squeeze, a Dropout of 0) become no node, a Softmax at the end becomes the loss, and zero padding of its own (Pad) goes into
/// the window behind it. Only what the first output needs is read. An InputError names file, node and operator: one that Convoy
/// does not have, or one with a setting that it does not have.
ReadModel to_model(OnnxGraph graph, const std::string& file);

}  // namespace convoy
