/// What is counted by the program that mpirun starts on every rank.
#pragma once

#include <cstdio>
#include <string>

#include "reference/exec/mpi/world.h"

namespace convoy::tests {

/// On rank 0.
struct Tally {
  int compared = 0;
  int failed = 0;
  /// One more comparison; `wrong` says what is, "" when nothing is.
  void note(const std::string& label, const std::string& wrong) {
    ++compared;
    if (wrong.empty()) return;
    ++failed;
    std::fprintf(stderr, "FAILED: %s: %s\n", label.c_str(), wrong.c_str());
  }
};

/// Plan data with gradients that travel in other ways, on as many ranks as there are.
void check_gradients(MpiWorld& world, Tally& tally);

/// Local SGD on as many ranks as there are.
void check_local_sgd(MpiWorld& world, Tally& tally);

/// Parameter servers on as many ranks as there are, in every mode.
void check_servers(MpiWorld& world, Tally& tally);

}  // namespace convoy::tests
