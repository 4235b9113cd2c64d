#include "reference/train/predict.h"

#include <algorithm>
#include <memory>

#include "reference/core/error.h"
#include "reference/data/file_bytes.h"
#include "reference/data/idx.h"
#include "reference/train/trainer.h"

namespace convoy {
namespace {

/// Whether a file begins as IDX images do, plain or packed.
bool is_idx(const std::vector<std::byte>& bytes) {
  const auto begins = [&](std::initializer_list<int> magic) {
    return bytes.size() >= magic.size() &&
           std::equal(magic.begin(), magic.end(), bytes.begin(), [](int m, std::byte b) { return std::byte(m) == b; });
  };
  return begins({0, 0, 8, 3}) || begins({0x1f, 0x8b});
}

Picture prepared(const std::vector<std::byte>& bytes, const std::string& path, const Shape& image, int side) {
  const int shorter = side > 0 ? side : std::max(image.h, image.w);
  Picture picture;
  parse_picture(bytes, path, image.c, shorter, picture);
  if (picture.shape.h != image.h || picture.shape.w != image.w) resize_shorter_side(picture, shorter);
  return picture;
}

/// The probabilities that the last node has left in the memory of the only rank.
std::vector<double> probabilities(const Schedule& schedule, const RankMemory& memory, int last_node) {
  for (const Op& op : schedule.program(0).ops) {
    const auto* compute = std::get_if<Compute>(&op.action);
    if (compute == nullptr || compute->kind != ComputeKind::forward || compute->node != last_node) continue;
    for (const Operand& operand : compute->operands)
      if (operand.role == Role::y) {
        const auto* y = memory.at<float>(operand.region);
        return {y, y + operand.region.slice.count};
      }
  }
  require(false, "predict", "the schedule has no loss");
  return {};
}

}  // namespace

Dataset open_pictures(const std::vector<std::string>& paths, const Model& model, const InputFacts& input,
                      std::vector<std::string>& names) {
  Dataset data{.name = "pictures", .image = model.image.with_batch(1), .classes = model.classes, .pixels = {}, .labels = {}};
  const auto pictures = std::make_shared<std::vector<Picture>>();
  for (const std::string& path : paths) {
    const std::vector<std::byte> bytes = read_bytes(path);
    if (!is_idx(bytes)) {
      pictures->push_back(prepared(bytes, path, model.image, input.picture_side));
      names.push_back(path);
      continue;
    }
    const Dataset images = read_idx_images(path);
    if (images.image != data.image)
      throw InputError(
          cat("images of '", path, "' are ", to_string(images.image), ", and ", model.name, " takes ", to_string(data.image)));
    const std::int64_t size = images.image.sample_count(), count = std::ssize(images.pixels) / size;
    for (std::int64_t i = 0; i < count; ++i) {
      const auto begin = images.pixels.begin() + i * size;
      pictures->push_back({.shape = images.image, .pixels = {begin, begin + size}});
      names.push_back(cat(path, "[", i, "]"));
    }
  }
  data.labels.assign(pictures->size(), 0);
  const auto fits = [&](const std::vector<double>& values) { return values.size() == 1 || std::ssize(values) == model.image.c; };
  if (!fits(input.mean) || !fits(input.deviation))
    throw InputError(
        cat("the weights are of images of ", input.mean.size(), " channels, and ", model.name, " takes ", model.image.c));
  data.mean = input.mean;
  data.deviation = input.deviation;
  data.pictures = [pictures](std::int64_t index, Picture& picture) { picture = pictures->at(static_cast<std::size_t>(index)); };
  return data;
}

std::vector<std::vector<double>> predict(const Model& model, const ModelValues& values, const Dataset& pictures, int threads) {
  const Schedule schedule = make_schedule(model, make_plan("data", {.ranks = 1, .global_batch = 1}), Mode::evaluate);
  CpuCompute compute(model, pictures, 1, {.kernels = Kernels::fast, .mode = Mode::evaluate});
  std::vector<RankMemory> memories(1);
  memories[0].bind(schedule.program(0));
  write_values(memories[0], "weights", local_weights(model, schedule, 0, values.weights));
  write_values(memories[0], "running_statistics", local_states(model, schedule, 0, values.states));
  RunOptions options = run_options(threads, false);
  options.record = false;
  std::vector<std::vector<double>> all;
  for (std::int64_t i = 0; i < pictures.count(); ++i) {
    compute.settings().first_step = i;
    run_on_threads(schedule, 1, memories, compute.function(), options);
    options.check = false;  // once is enough
    all.push_back(probabilities(schedule, memories[0], static_cast<int>(model.nodes.size()) - 1));
  }
  return all;
}

}  // namespace convoy
