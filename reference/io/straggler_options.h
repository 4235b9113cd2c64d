/// The options that slow ranks down, the same words for real runs and simulations.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "reference/io/cli.h"
#include "reference/schedule/stragglers.h"

namespace convoy {

class StragglerWords {
 public:
  /// --slow --jitter --straggler-seed.
  void add_to(Verb& verb);
  /// Whether ranks are to differ as the profile's measured steps do.
  [[nodiscard]] bool measured() const { return jitter_ == "measured"; }
  /// Throws InputError for what cannot be used.
  [[nodiscard]] Stragglers stragglers(int ranks) const;

 private:
  [[nodiscard]] double jitter_mean() const;

  static std::pair<int, double> parse(const std::string& word);

  std::vector<std::string> slow_;
  std::string jitter_ = "off";
  std::int64_t seed_ = 1;
  const Option* seed_option_ = nullptr;
};

}  // namespace convoy
