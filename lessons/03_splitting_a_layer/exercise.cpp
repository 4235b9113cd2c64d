// expect: cheapest answers filter to everything so far
#include "exercise.h"

namespace convoy::lesson {

Split cheapest(const LayerSizes& layer, int ranks) {
  // Your lines come here. Of n ranks, each sends (n-1)/n of the whole tensor in an all-gather or a reduce-scatter, and twice that
  // in an all-reduce. Which tensors travel under each split, forward and backward? All values have four bytes, so elements will
  // do.
  (void)layer;
  (void)ranks;
  return Split::filter;
}

}  // namespace convoy::lesson
