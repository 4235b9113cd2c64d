/// The axes of a sweep: which options take which words, and the points that come of that.
#pragma once

#include <string>
#include <vector>

#include "simulator/apps/sweep_results.h"

namespace convoy {

/// An option that is varied, and the words it takes in turn.
struct SweepAxis {
  std::string option;  ///< "ranks"
  std::vector<std::string> words;
};

/// The help of --vary.
std::string vary_help();

/// What was typed as --vary, each "ranks=2..64:x2" or "overlap=on,off". An InputError says what cannot be used, what is varied
/// twice, and what is among the `fixed` words too.
std::vector<SweepAxis> axes_of(const std::vector<std::string>& vary, const SweepWords& fixed);

/// The values of every point, the last option varying fastest.
std::vector<SweepWords> combinations(const std::vector<SweepAxis>& axes);

/// "ranks=2 overlap=on".
std::string point_name(const std::vector<SweepAxis>& axes, const SweepWords& values);

/// What rows have in common. `fixed`: options and words in turn, "--model", "vgg16".
SweepColumns columns_of(const std::vector<SweepAxis>& axes, const SweepWords& fixed);

/// Takes down what the files hold that the sweep's words name. What cannot be read is complained of where it is used; a pipe can
/// be read only once.
void put_contents(SweepColumns& columns, const std::vector<SweepAxis>& axes);

}  // namespace convoy
