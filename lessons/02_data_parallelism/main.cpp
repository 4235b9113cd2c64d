/// Lesson 2, data parallelism: when the gradients of shards make the gradient of the batch, and what it costs to add them up.
#include <fmt/format.h>

#include <bit>

#include "gradient.h"
#include "lessons/lesson.h"
#include "lessons/steps.h"
#include "lessons/traffic.h"
#include "reference/model/builder.h"
#include "reference/model/zoo.h"

using namespace convoy;
using namespace convoy::lesson;

namespace {

// [settings]
constexpr int kRanks = 2;
constexpr int kBatch = 5;          // images of a step, over all ranks
constexpr int kImagesPerRank = 8;  // in the table of bytes
// [/settings]

// [combine]
/// Every rank takes the mean over its own images; then the mean over ranks is taken.
Gradient mean_of_means(const Batch& batch, const std::vector<Slice>& shards) {
  Gradient sum;
  for (const Slice& mine : shards)
    add(1.0 / static_cast<double>(shards.size()), gradient_of(batch, mine, 1.0 / static_cast<double>(mine.count)), sum);
  return sum;
}

/// Every image is scaled by 1 / (global batch), wherever it is; then ranks only add.
Gradient sum_of_scaled(const Batch& batch, const std::vector<Slice>& shards) {
  const double scale = 1.0 / static_cast<double>(shards.back().end());
  Gradient sum;
  for (const Slice& mine : shards) add(1, gradient_of(batch, mine, scale), sum);
  return sum;
}
// [/combine]

/// Both ways of adding up, for shards of these sizes.
void combine(Values& values) {
  std::string table = "images of the ranks   mean of means   sum, scaled by 1/(global batch)\n";
  for (const std::vector<std::int64_t>& sizes : {std::vector<std::int64_t>{2, 2}, {4, 4}, {3, 2}, {4, 1}}) {
    std::vector<Slice> shards;
    std::string text;
    for (const std::int64_t size : sizes) {
      shards.push_back({shards.empty() ? 0 : shards.back().end(), size});
      text += cat(text.empty() ? "" : " + ", size);
    }
    const Batch batch = make_batch(static_cast<int>(shards.back().end()));
    const Gradient full = gradient_of(batch, {0, shards.back().end()}, 1.0 / static_cast<double>(shards.back().end()));
    const std::string means = verdict(full, mean_of_means(batch, shards));
    table += fmt::format("{:<19} {:>15}   {:>31}\n", text, means, verdict(full, sum_of_scaled(batch, shards)));
    values.value(cat("means_", sizes[0], "_", sizes[1]), means);
  }
  values.block("combine", table);
}

// [network]
/// A small network with one layer to try in the middle.
Model network(const Layer& tried) {
  ModelBuilder net("small", {1, 2, 8, 8}, 3);
  net.add("conv", Conv2d{4, square_window(3, 1, 1)});
  net.add("tried", tried);
  net.add("relu", ReLU{});
  net.add("flatten", Flatten{});
  net.add("fc", Linear{3});
  return net.finish();
}

/// Three steps on `ranks` threads. One rank is the serial run.
std::vector<double> trained(const Layer& tried, int ranks, bool synchronised) {
  Plan plan = make_plan("data", {.ranks = ranks, .global_batch = kBatch});
  plan.synchronised_statistics = synchronised;
  return weights_after(3, network(tried), plan);
}
// [/network]

void train(Values& values) {
  std::string table = "layer in the middle                 two ranks against one\n";
  const auto row = [&](const char* what, const Layer& layer, bool synchronised = false) {
    table += fmt::format("{:<36}{}\n", what, verdict(trained(layer, 1, synchronised), trained(layer, kRanks, synchronised)));
  };
  row("MaxPool2d", MaxPool2d{square_window(2, 2)});
  row("Dropout, by global sample", Dropout{0.5});
  row("BatchNorm2d, statistics of its own", BatchNorm2d{});
  row("BatchNorm2d, synchronised", BatchNorm2d{}, true);
  values.block("train", table);
}

// [masks]
/// What Dropout lets through of six elements of each of some images: "x" is dropped.
std::string masks(const Slice& images, std::int64_t number_of_first) {
  const cpu::DropoutKey key{.seed = 1, .first_sample = number_of_first};
  std::string text(static_cast<std::size_t>(8 * images.offset), ' ');
  for (int n = 0; n < images.count; ++n, text += n < images.count ? "  " : "\n")
    for (int c = 0; c < 6; ++c) text += cpu::naive::is_dropped(0.5, key, n, c, 0, 0) ? 'x' : '.';
  return text;
}
// [/masks]

// [bytes]
/// A ring all-reduce of the gradients: every rank sends as much.
double bytes_of_data(int n, double gradient_bytes) { return 2 * gradient_bytes * (n - 1) / n; }

/// Rank 0 sends the weights, down a tree of depth ceil(log2 n), and hands out images and the gradients of the outputs.
double bytes_of_root(int n, double gradient_bytes, double image_and_output_bytes) {
  const auto depth = static_cast<double>(std::bit_width(static_cast<unsigned>(n - 1)));
  return gradient_bytes * depth + image_and_output_bytes * n * kImagesPerRank * (n - 1) / n;
}
// [/bytes]

/// Bytes of a step of VGG-16, by formula and counted in the schedule.
void count(Values& values) {
  const Model vgg16 = make_vgg16();
  const double weights = 4.0 * static_cast<double>(parameter_count(vgg16));
  const double sample = 4.0 * static_cast<double>(vgg16.image.sample_count() + vgg16.classes);
  std::string table = "MB sent        data, any rank      data_parallel_root, rank 0      rank n-1\n";
  table += "ranks        formula   counted             formula   counted       counted\n";
  for (const int n : {2, 4, 8}) {
    const auto sent = [&](const char* name, int rank) {
      return static_cast<double>(
                 traffic_of(make_schedule(vgg16, make_plan(name, {.ranks = n, .global_batch = n * kImagesPerRank})), rank).sent) /
             1e6;
    };
    table += fmt::format("{:>5} {:>14.1f} {:>9.1f} {:>19.1f} {:>9.1f} {:>13.1f}\n", n, bytes_of_data(n, weights) / 1e6,
                         sent("data", 0), bytes_of_root(n, weights, sample) / 1e6, sent("data_parallel_root", 0),
                         sent("data_parallel_root", n - 1));
  }
  values.block("bytes", table);
  values.value("vgg_mb", fmt::format("{:.1f}", weights / 1e6));
}

void lesson_2(Values& values) {
  values.value("batch", cat(kBatch));
  values.value("images_per_rank", cat(kImagesPerRank));
  combine(values);
  train(values);
  const Slice second = shard(kBatch, kRanks, kRanks - 1);
  values.block("masks", cat("one rank               ", masks({0, kBatch}, 0), "rank 1, global sample  ",
                            masks(second, second.offset), "rank 1, own count      ", masks(second, 0)));
  count(values);
}

}  // namespace

int main(int argc, char** argv) { return lesson::run(argc, argv, lesson_2); }
