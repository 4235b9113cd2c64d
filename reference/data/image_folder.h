/// A folder of JPEG and PNG files, one subfolder a class, decoded when they are needed.
#pragma once

#include <filesystem>
#include <string>

#include "reference/data/dataset.h"

namespace convoy {

struct ImageFolderSettings {
  Shape image{1, 3, 224, 224};  ///< of the model: 1 channel (grey) or 3
  std::uint64_t seed = 1;       ///< of the split, where there is none on the disk
};

/// Classes are the names of the subfolders, in the order of their letters; files that end in .jpg, .jpeg or .png (in any case) are
/// taken, those of a class in the order of their names; links are followed.
/// Where `folder` has subfolders "train" and "val" (or "test"), these have the classes, and are the two splits. Else every fifth
/// image of a class, after shuffling by the seed, is for testing.
/// Pictures are resized so that the shorter side is 8/7 of the longer side of the network's image (256 for 224), and the part in
/// the middle is used; a random one where training crops. They are decoded whenever they are asked for and never all in memory.
/// Mean and deviation, by channel, are those of up to 256 training pictures, evenly spaced.
/// An InputError says which folder lacks what.
TrainingData open_image_folder(const std::filesystem::path& folder, const std::string& name, const ImageFolderSettings& settings);

/// 8/7 of the longer side of an image, the shorter side of pictures before they are cropped.
int picture_side(const Shape& image);

}  // namespace convoy
