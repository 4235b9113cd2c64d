/// A SimGrid of a test's own, in a child process: there can be one engine in a process.
#pragma once

#include <functional>
#include <string>

#include "simulator/engine/in_child.h"
#include "simulator/engine/simgrid_shim.h"

namespace convoy::testing {

/// What `work` returns, given an engine with the settings of ours: latency + bytes / bandwidth, exact times, silence.
inline std::string in_simgrid(const std::function<std::string(sg::s4u::Engine&)>& work) {
  return in_child([&] { return work(*sg::make_engine()); });
}

}  // namespace convoy::testing
