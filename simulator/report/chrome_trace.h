/// Timelines for people's browsers: the JSON that chrome://tracing and ui.perfetto.dev read.
#pragma once

#include <cstddef>
#include <string>

#include "reference/io/timeline_file.h"

namespace convoy {

/// The category of an op's beginning while it has nothing to do, see waits.h; of all else, its phase.
inline constexpr std::string_view kBubbleCategory = "bubble";

/// What the browsers open without trouble.
inline constexpr std::size_t kMostTraceBytes = 20'000'000;

/// A process for each rank and a thread for each of its streams, a span for each op, with its phase as category; one more process
/// has the steps. Spans of a lane follow one another and never overlap, also after rounding to nanoseconds. When it would
/// be longer than most_bytes, whole ranks are left out, from the last, and then whole iterations, from the first; "otherData"
/// says how many are there. Times are microseconds. Format: "Trace Event Format", Google
/// (docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU).
std::string chrome_trace(const TimelineFile& file, std::size_t most_bytes = kMostTraceBytes);

}  // namespace convoy
