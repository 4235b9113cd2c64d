// expect: moves answers nothing to everything so far
#include "exercise.h"

namespace convoy::lesson {

Moves moves(const Edge& edge) {
  // Your lines come here. It helps to write two functions first: where a tensor lies as it is made, by the rule of who makes it
  // (y by the maker, dx by the reader), and where it is needed (x by the reader, dy by the maker). A third one then is the table
  // from \ to, and both directions use it.
  (void)edge;
  return {};
}

}  // namespace convoy::lesson
