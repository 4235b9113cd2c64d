// expect: not what goes forward once more
#include "exercise.h"

namespace convoy::lesson {
namespace {

enum class Lies { everywhere, channels, rows, rows_and_halo, terms };

/// Where y lies as a rule makes it.
Lies made(Rule rule) {
  switch (rule) {
    case Rule::filter: return Lies::channels;
    case Rule::channel: return Lies::terms;
    case Rule::spatial: return Lies::rows;
    default: return Lies::everywhere;
  }
}

/// Where x is needed.
Lies needed(Rule rule, int window_rows) {
  switch (rule) {
    case Rule::channel: return Lies::channels;
    case Rule::spatial: return window_rows > 1 ? Lies::rows_and_halo : Lies::rows;
    default: return Lies::everywhere;
  }
}

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

/// Does on the way back what it did on the way there.
Moves moves(const Edge& edge) {
  const Move forward = change(made(edge.maker), needed(edge.reader, edge.window_rows));
  return {forward, forward};
}

}  // namespace convoy::lesson
