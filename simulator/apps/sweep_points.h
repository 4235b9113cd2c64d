/// The points of a sweep: what is simulated, each once.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "simulator/apps/simulation.h"
#include "simulator/apps/sweep_axes.h"

namespace convoy {

struct SweepPoint {
  SweepWords words;                ///< of the varied options; "-" for one that changes nothing in this point
  Task task;                       ///< what is simulated
  std::set<std::string> left_out;  ///< options that change nothing in it, "--order"
};

/// All points, in their order, parsed as command lines of `simulate` are. `fixed`: options and words in turn that all points
/// have,
/// "--model", "vgg16". What changes nothing in a point (the order of a pipeline in plan data) is left out of it, which a note
/// says; points that differ by such an option only are one. Throws an InputError that names the point where one cannot be
/// simulated, and where an option changes nothing in any.
std::vector<SweepPoint> points_of(const std::vector<SweepAxis>& axes, const SweepWords& fixed, int iterations);

}  // namespace convoy
