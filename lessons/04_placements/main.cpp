/// Lesson 4, placements: what lies where, edge by edge, and the communication that follows.
#include <fmt/format.h>

#include "lessons/lesson.h"
#include "lessons/steps.h"
#include "plan_by_rules.h"
#include "reference/model/builder.h"
#include "reference/plans/layout.h"

using namespace convoy;
using namespace convoy::lesson;

namespace {

// [settings]
constexpr int kRanks = 3;
constexpr int kRows = 11;  // of the images that are split by rows
// [/settings]

enum class Skip { none, around, from_middle };

// [pair]
/// A layer before, the pair (conv1, conv2) with something between, and a classifier after.
Model pair_model(bool norm = false, Skip skip = Skip::none) {
  ModelBuilder net("pair", {1, 3, 7, 6}, 4);
  const int before = net.add("before", Conv2d{6, square_window(3, 1, 1)});
  net.add("conv1", Conv2d{6, square_window(3, 1, 1)});
  if (norm) net.add("norm", BatchNorm2d{});
  const int middle = net.add("relu", ReLU{});
  const int last = net.add("conv2", Conv2d{6, square_window(3, 1, 1)});
  if (skip != Skip::none) net.add("add", Add{}, {last, skip == Skip::around ? before : middle});
  net.add("average", GlobalAvgPool2d{});
  net.add("flatten", Flatten{});
  net.add("fc", Linear{4});
  return net.finish();
}

const std::map<std::string, Rule> kPair = {
    {"conv1", Rule::filter}, {"norm", Rule::channels}, {"relu", Rule::channels}, {"conv2", Rule::channel}};
// [/pair]

/// What lies where, forward and backward, node by node.
std::string layout_table(const Model& model, const Plan& plan) {
  std::string table = "node     rule        x needed           y made             dy needed          dx made\n";
  const Layout layout = layout_of(model, plan, plan.global_batch);
  for (std::size_t i = 0; i < model.nodes.size() && model.nodes[i].name != "average"; ++i) {
    const NodeLayout& node = layout.nodes[i];
    table +=
        fmt::format("{:<9}{:<12}{:<19}{:<19}{:<19}{}\n", model.nodes[i].name, to_string(node.rules.front()),
                    to_string(node.inputs.front()), to_string(node.made), to_string(node.given_dy), to_string(node.dx.front()));
  }
  return table;
}

/// The communication of a schedule, and whether training by it is what one rank does.
std::string communication(const std::string& title, const Model& model, const Plan& plan) {
  std::string passes[2];
  std::int64_t bytes = 0;
  for (const Sent& sent : sent_by(make_schedule(model, plan), 1)) {
    passes[sent.backward ? 1 : 0] += "  " + sent.name;
    bytes += sent.bytes;
  }
  Plan serial = make_plan("data", {.ranks = 1, .global_batch = plan.global_batch});
  return fmt::format("{}: {} bytes, result {}\n  forward {}\n  backward{}\n", title, with_commas(bytes),
                     verdict(weights_after(3, model, serial), weights_after(3, model, plan)), passes[0], passes[1]);
}

void pairs(Values& values) {
  const Model plain = pair_model();
  values.block("layout", layout_table(plain, plan_by_rules(plain, kPair, kRanks)));
  const auto show = [&](const char* name, const char* title, const Model& model, const std::map<std::string, Rule>& rules) {
    values.block(name, communication(title, model, plan_by_rules(model, rules, kRanks)));
  };
  show("plain", "conv1, relu, conv2", plain, kPair);
  show("norm", "with BatchNorm2d between", pair_model(true), kPair);
  show("around", "with a skip around the pair", pair_model(true, Skip::around), kPair);
  std::map<std::string, Rule> rules = kPair;
  show("whole", "with a skip from the middle, added everywhere", pair_model(true, Skip::from_middle), rules);
  rules["add"] = Rule::channels;
  show("channels", "with a skip from the middle, added by channels", pair_model(true, Skip::from_middle), rules);
}

// [halo]
/// Which rows of the input every rank has (-), needs (+) or both (#), when the rows of the output are divided evenly.
std::string rows_picture(const Window& window) {
  const std::vector<Slice> has = even_parts(kRows, kRanks);
  const std::vector<Slice> makes = even_parts(window.output_h(kRows), kRanks);
  std::string text;
  for (int rank = 0; rank < kRanks; ++rank) {
    const auto k = static_cast<std::size_t>(rank);
    const Slice needs = rows_needed(window, makes[k], kRows);
    std::string rows;
    for (int row = 0; row < kRows; ++row) {
      const bool had = intersection(has[k], {row, 1}).count == 1;
      const bool needed = intersection(needs, {row, 1}).count == 1;
      rows += had && needed ? '#' : needed ? '+' : had ? '-' : '.';
    }
    text += fmt::format("rank {}   {}   makes rows {} to {}\n", rank, rows, makes[k].offset, makes[k].end() - 1);
  }
  return text;
}
// [/halo]

/// Two convolutions split by rows: the picture by hand, and the messages of the schedule.
void halos(Values& values) {
  ModelBuilder net("rows", {1, 3, kRows, 6}, 4);
  net.add("conv1", Conv2d{5, square_window(3, 1, 1)});
  net.add("conv2", Conv2d{5, square_window(3, 1, 1)});
  net.add("conv3", Conv2d{5, square_window(3, 2, 1)});
  net.add("flatten", Flatten{});
  net.add("fc", Linear{4});
  const Model model = net.finish();
  values.block("stride_1", rows_picture(square_window(3, 1, 1)));
  values.block("stride_2", rows_picture(square_window(3, 2, 1)));
  const Plan plan = make_plan("spatial", {.ranks = kRanks, .global_batch = 2});
  const Schedule schedule = make_schedule(model, plan);
  const std::int64_t row_bytes = 4LL * 2 * 5 * 6;  // one row of all channels of both images
  std::string table = "rows sent      conv2   its dx   conv3   its dx\n";
  for (int rank = 0; rank < kRanks; ++rank) {
    std::map<std::string, std::int64_t> rows;
    for (const Sent& sent : sent_by(schedule, rank)) rows[sent.name.substr(0, sent.name.find('.', 6))] += sent.bytes / row_bytes;
    table += fmt::format("rank {} {:>13}{:>9}{:>8}{:>9}\n", rank, rows["conv2.x"], rows["conv2.dx"], rows["conv3.x"],
                         rows["conv3.dx"]);
  }
  values.block("rows_sent", table);
}

}  // namespace

int main(int argc, char** argv) {
  return lesson::run(argc, argv, [](Values& values) {
    values.value("ranks", cat(kRanks));
    values.value("rows", cat(kRows));
    pairs(values);
    halos(values);
  });
}
