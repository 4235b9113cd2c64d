#include "simulator/engine/fidelity.h"

#include <array>
#include <string>

#include "reference/core/error.h"

namespace convoy {
namespace {

constexpr std::array<std::string_view, 4> kNames = {"auto", "steps", "flows", "formula"};

}  // namespace

std::string_view to_string(Fidelity fidelity) { return kNames.at(static_cast<std::size_t>(fidelity)); }

std::vector<std::string_view> fidelity_names() { return {kNames.begin(), kNames.end()}; }

Fidelity parse_fidelity(std::string_view name) {
  for (std::size_t i = 0; i < kNames.size(); ++i)
    if (kNames[i] == name) return static_cast<Fidelity>(i);
  throw_unknown_word("fidelity", name, {kNames.begin(), kNames.end()});
}

}  // namespace convoy
