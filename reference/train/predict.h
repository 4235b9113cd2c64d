/// predict: what a trained network makes of pictures.
#pragma once

#include <string>
#include <vector>

#include "reference/data/dataset.h"
#include "reference/model/model.h"
#include "reference/train/checkpoint.h"

namespace convoy {

/// Pictures of files as a data set whose labels are all 0. A PNG or JPEG is used as it is when it has the size of the network's
/// images, else resized to input.picture_side (0: the network's size) and cut in the middle; a file of IDX images gives all of
/// its images. `names` gets the name of each picture. An InputError names a file that cannot be used.
Dataset open_pictures(const std::vector<std::string>& paths, const Model& model, const InputFacts& input,
                      std::vector<std::string>& names);

/// The probability of every class for every picture, [picture][class]: one picture after the other through the network as it is in
/// evaluation. `threads` are OpenMP threads.
std::vector<std::vector<double>> predict(const Model& model, const ModelValues& values, const Dataset& pictures, int threads);

}  // namespace convoy
