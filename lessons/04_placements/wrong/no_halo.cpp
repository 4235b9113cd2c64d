// expect: windows reach over rows of a neighbour
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
Lies needed(Rule rule) {
  switch (rule) {
    case Rule::channel: return Lies::channels;
    case Rule::spatial: return Lies::rows;
    default: return Lies::everywhere;
  }
}
Lies made_dx(Rule rule) { return rule == Rule::filter ? Lies::terms : needed(rule); }

/// The table. Terms that are wanted by parts need not be added up everywhere.
Move change(Lies from, Lies to) {
  if (from == to && from != Lies::rows_and_halo) return Move::nothing;
  switch (from) {
    case Lies::everywhere: return Move::nothing;
    case Lies::terms: return to == Lies::everywhere ? Move::all_reduce : Move::reduce_scatter;
    default: return to == Lies::everywhere ? Move::all_gather : Move::exchange;
  }
}

}  // namespace

/// Lets every rank make do with its own rows.
Moves moves(const Edge& edge) {
  const Move forward = change(made(edge.maker), needed(edge.reader));
  return {forward, change(made_dx(edge.reader), needed_dy(edge.maker))};
}

}  // namespace convoy::lesson
