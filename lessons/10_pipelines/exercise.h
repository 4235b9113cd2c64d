/// The exercise of lesson 10.
#pragma once

#include <vector>

namespace convoy::lesson {

/// Forward or backward of one micro-batch through a rank's stage.
struct Entry {
  bool backward = false;
  int micro_batch = 0;
};

/// What one rank of a pipeline does, in order: each micro-batch once forward and once backward through its stage. Stage and rank
/// have the same number, 0 to ranks - 1; micro-batches count from 0.
///
/// A rank does one thing after the other, and waits where it has to: forward needs what the stage before has made of the
/// micro-batch, backward needs the gradient from the stage behind. The order shall
///
///   - stand still nowhere,
///   - take as little time as any: (micro_batches + ranks - 1) times forward and backward, when all stages take as long,
///   - keep the activations of at most ranks - rank micro-batches at a time: those that went forward and not yet backward.
std::vector<Entry> row(int rank, int ranks, int micro_batches);

}  // namespace convoy::lesson
