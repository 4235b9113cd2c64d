/// The options that slow ranks down, the same words for real runs and simulations. Header-only, on CLI11.
#pragma once

#include <CLI/CLI.hpp>
#include <charconv>
#include <string>
#include <utility>
#include <vector>

#include "reference/core/error.h"
#include "reference/schedule/stragglers.h"

namespace convoy {

class StragglerWords {
 public:
  /// --slow --jitter --straggler-seed.
  void add_to(CLI::App& verb) {
    verb.add_option("--slow", slow_, "A rank that computes slower, by a factor: 3:2 for rank 3, half as fast; may be repeated")
        ->type_name("RANK:FACTOR")
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    verb.add_option(
            "--jitter", jitter_,
            "off; by how much every rank is slowed down anew in every step, in the mean (exponentially distributed), 0.1 for "
            "10 %; or in a simulation, measured: every rank repeats the steps of the profile in an order of its own")
        ->capture_default_str()
        ->type_name("WORD");
    verb.add_option("--straggler-seed", seed_, "Seed of --jitter")->capture_default_str()->type_name("N");
  }
  /// Whether ranks are to differ as the profile's measured steps do.
  [[nodiscard]] bool measured() const { return jitter_ == "measured"; }
  /// Throws InputError for what cannot be used.
  [[nodiscard]] Stragglers stragglers(int ranks) const {
    Stragglers made{.slow = {}, .jitter = jitter_mean(), .seed = static_cast<std::uint64_t>(seed_)};
    if (seed_ < 0) throw InputError(cat("--straggler-seed is ", seed_, "; write 0 or more"));
    for (const std::string& word : slow_) {
      const auto [rank, factor] = parse(word);
      if (rank >= ranks) throw InputError(cat("--slow ", word, ": there are ", ranks, " ranks, 0 to ", ranks - 1));
      if (!made.slow.emplace(rank, factor).second) throw InputError(cat("--slow names rank ", rank, " twice"));
    }
    return made;
  }

 private:
  [[nodiscard]] double jitter_mean() const {
    if (jitter_ == "off" || measured()) return 0;
    double mean = -1;
    const char* end = jitter_.data() + jitter_.size();
    const auto [rest, status] = std::from_chars(jitter_.data(), end, mean);
    if (status != std::errc() || rest != end || !(mean >= 0 && mean <= 100))
      throw InputError(
          cat("--jitter is '", jitter_, "'; write off, measured, or a number from 0 to 100, for example 0.1 for 10 %"));
    return mean;
  }

  static std::pair<int, double> parse(const std::string& word) {
    int rank = -1;
    double factor = 0;
    const char* end = word.data() + word.size();
    const auto [colon, rank_status] = std::from_chars(word.data(), end, rank);
    if (rank_status == std::errc() && colon != end && *colon == ':') {
      const auto [rest, factor_status] = std::from_chars(colon + 1, end, factor);
      if (factor_status == std::errc() && rest == end && rank >= 0 && factor >= 1 && factor <= 1e6) return {rank, factor};
    }
    throw InputError(cat("--slow is '", word, "'; write a rank and how many times longer it computes, 1 or more: 3:2"));
  }

  std::vector<std::string> slow_;
  std::string jitter_ = "off";
  std::int64_t seed_ = 1;
};

}  // namespace convoy
