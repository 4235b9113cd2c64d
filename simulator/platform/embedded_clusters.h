/// The cluster files that come with Convoy, as text inside the library. CMake writes the table from clusters/*.yaml.
#pragma once

#include <string_view>
#include <vector>

namespace convoy {

struct EmbeddedCluster {
  std::string_view name;  ///< of the file, without .yaml
  std::string_view yaml;
};

/// In alphabetical order.
const std::vector<EmbeddedCluster>& embedded_clusters();

}  // namespace convoy
