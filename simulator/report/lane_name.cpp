#include "simulator/report/lane_name.h"

#include <array>

#include "reference/core/error.h"

namespace convoy {
namespace {

std::string_view without_micro_batch(std::string_view name) {
  const std::size_t end = name.rfind(".mb");
  return end == std::string_view::npos ? name : name.substr(0, end);
}

}  // namespace

std::string stream_name(int stream, const std::vector<std::string_view>& ops) {
  constexpr std::array names = {"compute", "communication", "activations"};
  if (stream < static_cast<int>(names.size())) return names.at(static_cast<std::size_t>(stream));
  if (ops.empty()) return cat("stream ", stream);
  std::string_view common = without_micro_batch(ops.front());
  for (const std::string_view op : ops) {
    const std::string_view name = without_micro_batch(op);
    while (!common.empty() &&
           !(name.ends_with(common) && (name.size() == common.size() || name[name.size() - common.size() - 1] == '.'))) {
      const std::size_t dot = common.find('.');
      common = dot == std::string_view::npos ? "" : common.substr(dot + 1);
    }
  }
  return common.empty() ? cat("stream ", stream) : std::string(common);
}

}  // namespace convoy
