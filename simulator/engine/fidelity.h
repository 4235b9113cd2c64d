/// Fidelity: how much of a schedule the simulator looks at.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace convoy {

/// From one schedule, more or less exact and slower or faster.
///
///   steps      every message and every round of a collective is a flow. Exact under the model of the network
///   flows      the rounds of a collective in which nobody changes partners are one flow for each pair of neighbours, or, where
///              other traffic can get in their way, up to 8 flows one after the other; a ring (of hierarchical and torus: a row
///              or a column; a pair) takes part only when all its ranks are there, and ends for all of them at once. The same
///              time as `steps` where all links of a ring are alike or nothing else is on them; where not, a few percent off, and
///              up to 16 % for messages of a few hundred bytes on shuffled ranks: see docs/measurements/2026-11-25-simulator.md
///   formula    nothing is ever shared: a message has all of its links. A collective begins when its last rank does and ends for
///              all at once. A lower bound of the time, in microseconds to milliseconds
///   automatic  steps up to a million messages, else flows
enum class Fidelity : std::uint8_t { automatic, steps, flows, formula };

/// "auto", "steps", "flows", "formula".
std::string_view to_string(Fidelity fidelity);
/// The inverse; an InputError names the nearest.
Fidelity parse_fidelity(std::string_view name);
/// All words, for help.
std::vector<std::string_view> fidelity_names();

}  // namespace convoy
