/// The check of lesson 4: makes a schedule for every edge and looks what is really sent.
#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <vector>

#include "exercise.h"
#include "lessons/lesson.h"
#include "plan_by_rules.h"
#include "reference/model/builder.h"

namespace convoy::lesson {
namespace {

constexpr int kRanks = 3;
constexpr std::array kMoves = {"nothing", "all-gather", "reduce-scatter", "all-reduce", "exchange"};
const char* name_of(Move move) { return kMoves.at(static_cast<std::size_t>(move)); }

/// Two convolutions, the second with a window of this many rows, after one without a split, so that the gradient of both is
/// wanted.
Model two_layers(int window_rows) {
  ModelBuilder net("two", {1, 3, 9, 7}, 4);
  net.add("before", Conv2d{6, square_window(3, 1, 1)});
  net.add("maker", Conv2d{6, square_window(3, 1, 1)});
  net.add("reader", Conv2d{6, square_window(window_rows, 1, window_rows / 2)});
  net.add("average", GlobalAvgPool2d{});
  net.add("flatten", Flatten{});
  net.add("fc", Linear{4});
  return net.finish();
}

Move move_of(const Op& op) {
  const auto* collective = std::get_if<Collective>(&op.action);
  if (collective == nullptr) return Move::exchange;
  switch (collective->kind) {
    case CollectiveKind::all_gather: return Move::all_gather;
    case CollectiveKind::reduce_scatter: return Move::reduce_scatter;
    default: return Move::all_reduce;
  }
}

/// What the middle rank does with the tensor between the layers (forward: maker's y, reader's x), or with its gradient.
std::set<Move> found(const Schedule& schedule, const std::array<const char*, 2>& prefixes) {
  std::set<Move> all;
  for (const Op& op : schedule.program(1).ops)
    if (!std::holds_alternative<Compute>(op.action) && (op.name.starts_with(prefixes[0]) || op.name.starts_with(prefixes[1])))
      all.insert(move_of(op));
  return all;
}

struct Case {
  Edge edge;
  std::string what;
  Moves right, yours;
};

std::vector<Case> all_cases() {
  std::vector<Case> cases;
  const std::array rules = {Rule::replicate, Rule::filter, Rule::channel, Rule::spatial};
  for (const Rule maker : rules)
    for (const Rule reader : rules)
      for (const int window_rows : {1, 3, 5}) {
        if (reader == Rule::spatial && window_rows > 1 && (maker == Rule::replicate || maker == Rule::channel)) continue;
        const Model model = two_layers(window_rows);
        const Schedule schedule = make_schedule(model, plan_by_rules(model, {{"maker", maker}, {"reader", reader}}, kRanks));
        const auto the_one = [&](const std::array<const char*, 2>& prefixes) {
          const std::set<Move> all = found(schedule, prefixes);
          require(all.size() <= 1, "lesson 4", "an edge with several moves: ", to_string(maker), " to ", to_string(reader));
          return all.empty() ? Move::nothing : *all.begin();
        };
        const Edge edge{maker, reader, window_rows};
        cases.push_back({edge,
                         cat("from ", to_string(maker), " to ", to_string(reader), " with a window of ", window_rows,
                             window_rows == 1 ? " row" : " rows"),
                         {the_one({"maker.y.", "reader.x."}), the_one({"reader.dx.", "maker.dy."})},
                         moves(edge)});
      }
  return cases;
}

std::string likely_mistake(const Case& c, bool backward) {
  const Move right = backward ? c.right.backward : c.right.forward;
  const Move yours = backward ? c.yours.backward : c.yours.forward;
  const bool adds = right == Move::all_reduce || right == Move::reduce_scatter;
  if (right == Move::reduce_scatter && yours == Move::all_reduce)
    return "The result is right, but a reduce-scatter is enough: each rank wants its part of the sum only, and that takes half "
           "the bytes.";
  if (backward && c.edge.reader == Rule::filter && adds)
    return "The gradients dx of a layer that is split by filters are terms: every rank knows only what its own filters say about "
           "x.";
  if (!backward && c.edge.maker == Rule::channel && adds)
    return "The outputs y of a layer that is split by channels are terms: every rank has added up its own channels only.";
  if (right == Move::exchange && c.edge.maker == Rule::spatial && c.edge.reader == Rule::spatial)
    return "Both are split by rows, but the reader's windows reach over rows of a neighbour: they must come, and their gradients "
           "must "
           "go back.";
  if (right == Move::nothing && c.edge.reader == Rule::spatial && c.edge.window_rows == 1)
    return "There is no halo: a window of one row reaches over nothing.";
  return "Write down where the tensor lies as it is made and where it is needed, and look the two up in the table.";
}

void check_all() {
  const std::vector<Case> cases = all_cases();
  const auto all = [&](const auto& holds) { return std::all_of(cases.begin(), cases.end(), holds); };
  if (all([](const Case& c) { return c.yours.forward == Move::nothing && c.yours.backward == Move::nothing; }))
    throw NotYet("moves answers nothing to everything so far: open exercise.cpp and begin with where things lie.");
  if (all([](const Case& c) { return c.yours.forward == c.right.forward && c.yours.backward == c.yours.forward; }))
    throw NotYet(
        "Forward is right. What comes back is not what goes forward once more: dx lies as the reader makes it and dy is needed "
        "as the maker wants it. An all-gather there is a reduce-scatter back when the reader makes terms.");
  for (const Case& c : cases)
    for (const bool backward : {false, true}) {
      const Move right = backward ? c.right.backward : c.right.forward;
      const Move yours = backward ? c.yours.backward : c.yours.forward;
      if (right != yours)
        throw NotYet(cat(c.what, ", ", backward ? "backward" : "forward", ": the schedule has ", name_of(right), ", yours says ",
                         name_of(yours), ".\n", likely_mistake(c, backward)));
    }
}

}  // namespace
}  // namespace convoy::lesson

int main() { return convoy::lesson::check(convoy::lesson::check_all); }
