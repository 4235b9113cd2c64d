// expect: a reduce-scatter is enough
#include "exercise.h"

namespace convoy::lesson {
namespace {

enum class Lies { everywhere, channels, rows, rows_and_halo, terms };

/// Where y lies as a rule makes it, and where dy is needed.
Lies made(Rule rule) {
  switch (rule) {
    case Rule::filter: return Lies::channels;
    case Rule::channel: return Lies::terms;
    case Rule::spatial: return Lies::rows;
    default: return Lies::everywhere;
  }
}
Lies needed_dy(Rule rule) { return rule == Rule::channel ? Lies::everywhere : made(rule); }

/// Where x is needed, and where dx lies as a rule makes it.
Lies needed(Rule rule, int window_rows) {
  switch (rule) {
    case Rule::channel: return Lies::channels;
    case Rule::spatial: return window_rows > 1 ? Lies::rows_and_halo : Lies::rows;
    default: return Lies::everywhere;
  }
}
Lies made_dx(Rule rule, int window_rows) { return rule == Rule::filter ? Lies::terms : needed(rule, window_rows); }

/// The table. Terms that are wanted by parts need not be added up everywhere.
Move change(Lies from, Lies to) {
  if (from == to && from != Lies::rows_and_halo) return Move::nothing;
  switch (from) {
    case Lies::everywhere: return Move::nothing;
    case Lies::terms: return Move::all_reduce;
    default: return to == Lies::everywhere ? Move::all_gather : Move::exchange;
  }
}

}  // namespace

/// Adds terms up everywhere, also where each rank wants its part only.
Moves moves(const Edge& edge) {
  const Move forward = change(made(edge.maker), needed(edge.reader, edge.window_rows));
  return {forward, change(made_dx(edge.reader, edge.window_rows), needed_dy(edge.maker))};
}

}  // namespace convoy::lesson
