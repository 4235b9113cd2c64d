#include "reference/data/image_folder.h"

#include <algorithm>
#include <cctype>
#include <memory>

#include "reference/core/error.h"
#include "reference/core/random.h"
#include "reference/data/file_bytes.h"
#include "reference/data/sample.h"

namespace convoy {
namespace {

namespace fs = std::filesystem;

struct File {
  std::string path;
  int label;
};

std::vector<fs::path> sorted_entries(const fs::path& folder) {
  std::error_code failed;
  std::vector<fs::path> entries;
  for (fs::directory_iterator at(folder, failed), end; !failed && at != end; at.increment(failed)) entries.push_back(at->path());
  if (failed) throw InputError(cat("cannot read folder '", folder.string(), "': ", failed.message()));
  std::ranges::sort(entries);
  return entries;
}

bool is_picture(const fs::path& path) {
  std::string ending = path.extension().string();
  std::ranges::transform(ending, ending.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  std::error_code ignored;
  return (ending == ".jpg" || ending == ".jpeg" || ending == ".png") && fs::is_regular_file(path, ignored);
}

std::vector<std::string> class_folders(const fs::path& folder) {
  std::vector<std::string> names;
  for (const fs::path& entry : sorted_entries(folder))
    if (fs::is_directory(entry) && !entry.filename().string().starts_with(".")) names.push_back(entry.filename().string());
  if (names.empty())
    throw InputError(cat("folder '", folder.string(),
                         "' has no subfolders; pictures lie in one subfolder for each class, for example ",
                         (folder / "cat" / "1.jpg").string()));
  return names;
}

std::vector<File> files_of(const fs::path& folder, const std::vector<std::string>& classes) {
  std::vector<File> files;
  for (std::size_t label = 0; label < classes.size(); ++label) {
    const std::size_t before = files.size();
    for (const fs::path& entry : sorted_entries(folder / classes[label]))
      if (is_picture(entry)) files.push_back({entry.string(), static_cast<int>(label)});
    if (files.size() == before)
      throw InputError(cat("folder '", (folder / classes[label]).string(),
                           "' has no .jpg, .jpeg or .png files; put the pictures of the class there, or remove the folder"));
  }
  return files;
}

/// Takes every fifth file of a class, in an order that follows from the seed, for testing.
void split(const std::vector<File>& all, std::uint64_t seed, std::vector<File>& train, std::vector<File>& test) {
  constexpr int kPurpose = 5;  // another stream of numbers than others draw from
  for (auto begin = all.begin(); begin != all.end();) {
    const auto end = std::find_if(begin, all.end(), [&](const File& file) { return file.label != begin->label; });
    std::vector<File> of_class(begin, end);
    Random random(random_bits(seed, kPurpose, begin->label));
    for (std::size_t i = of_class.size(); i > 1; --i)
      std::swap(of_class[i - 1], of_class[static_cast<std::size_t>(random.below(static_cast<std::int64_t>(i)))]);
    for (std::size_t i = 0; i < of_class.size(); ++i) (i % 5 == 4 ? test : train).push_back(of_class[i]);
    begin = end;
  }
}

Dataset split_of(const std::string& name, std::vector<File> files, const std::vector<std::string>& classes,
                 const ImageFolderSettings& settings) {
  Dataset data{.name = name,
               .image = settings.image.with_batch(1),
               .classes = static_cast<int>(classes.size()),
               .pixels = {},
               .labels = {},
               .class_names = classes};
  for (const File& file : files) data.labels.push_back(file.label);
  data.pictures = [files = std::make_shared<const std::vector<File>>(std::move(files)), image = settings.image](
                      std::int64_t index, Picture& picture) {
    thread_local std::vector<std::byte> bytes;
    const std::string& path = files->at(static_cast<std::size_t>(index)).path;
    read_bytes(path, bytes);
    const int side = picture_side(image);
    parse_picture(bytes, path, image.c, side, picture);
    resize_shorter_side(picture, side);
  };
  return data;
}

/// Mean and deviation of some training pictures, for both splits.
void normalise_by_some(TrainingData& data) {
  constexpr std::int64_t kMost = 256;
  const std::int64_t count = std::min(kMost, data.train.count());
  Picture picture;
  PixelStatistics statistics(data.train.image.c);
  for (std::int64_t i = 0; i < count; ++i) {
    data.train.pictures(i * data.train.count() / count, picture);
    statistics.add(picture.pixels);
  }
  statistics.normalise(data);
}

}  // namespace

int picture_side(const Shape& image) { return (8 * std::max(image.h, image.w) + 3) / 7; }

TrainingData open_image_folder(const fs::path& folder, const std::string& name, const ImageFolderSettings& settings) {
  if (settings.image.c != 1 && settings.image.c != 3)
    throw InputError(cat("the network takes images of ", settings.image.c, " channels, and pictures have 1 or 3"));
  std::vector<File> train, test;
  std::vector<std::string> classes;
  if (fs::is_directory(folder / "train")) {
    const fs::path second = fs::is_directory(folder / "val") ? folder / "val" : folder / "test";
    if (!fs::is_directory(second))
      throw InputError(cat("folder '", folder.string(),
                           "' has a subfolder 'train', but no 'val' or 'test'; add one with the same "
                           "classes, or put the classes into '",
                           folder.string(), "' itself to have every fifth picture tested on"));
    classes = class_folders(folder / "train");
    if (class_folders(second) != classes)
      throw InputError(cat("folders '", (folder / "train").string(), "' and '", second.string(),
                           "' have other classes; both must "
                           "have the same subfolders"));
    train = files_of(folder / "train", classes);
    test = files_of(second, classes);
  } else {
    classes = class_folders(folder);
    split(files_of(folder, classes), settings.seed, train, test);
    if (test.empty())
      throw InputError(cat("folder '", folder.string(),
                           "' has fewer than five pictures of every class, so that none is left to "
                           "test on; add pictures"));
  }
  TrainingData data{.train = split_of(name + " train", std::move(train), classes, settings),
                    .test = split_of(name + " test", std::move(test), classes, settings)};
  normalise_by_some(data);
  return data;
}

}  // namespace convoy
