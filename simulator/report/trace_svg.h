/// Traces as pictures.
#pragma once

#include <span>
#include <string>

#include "simulator/report/trace.h"

namespace convoy {

struct TraceSvgOptions {
  int step = -1;        ///< which one of each trace; -1: the last
  int most_lanes = 24;  ///< of each trace, of whole ranks but for the first; what is left out is said in the picture
  int width = 1200;     ///< of the picture, in pixels
};

/// One step of each trace below the other, with the same seconds to the pixel and the starts of the steps above each other: a bar
/// for every op in the colour and the letter of its phase, its name and times as a tooltip, and an axis of time below. Spans that
/// are too short to be seen are drawn together with their neighbours of the same phase, so that the picture stays small.
std::string trace_svg(std::span<const Trace> traces, const TraceSvgOptions& options = {});

}  // namespace convoy
