#include "reference/io/straggler_options.h"

#include <charconv>

#include "reference/core/error.h"
#include "reference/io/ignored_option.h"

namespace convoy {

void StragglerWords::add_to(Verb& verb) {
  verb.begin_group("Slow ranks");
  verb.add_option("--slow", slow_, "A rank that computes slower, by a factor: 3:2 for rank 3, half as fast; may be repeated")
      ->type_name("RANK:FACTOR")
      ->repeatable();
  verb.add_option(
          "--jitter", jitter_,
          "off; by how much every rank is slowed down anew in every step, in the mean (exponentially distributed), 0.1 for "
          "10 %; or in a simulation, measured: every rank repeats the steps of the profile in an order of its own")
      ->capture_default_str()
      ->type_name("WORD");
  seed_option_ = verb.add_option("--straggler-seed", seed_, "Seed of --jitter")->capture_default_str()->type_name("N");
}

Stragglers StragglerWords::stragglers(int ranks) const {
  Stragglers made{.slow = {}, .jitter = jitter_mean(), .seed = static_cast<std::uint64_t>(seed_)};
  if (seed_ < 0) throw InputError(cat("--straggler-seed is ", seed_, "; write 0 or more"));
  if (jitter_ == "off" && seed_option_ != nullptr && seed_option_->count() > 0)
    throw IgnoredOption("--straggler-seed", "without --jitter, for example --jitter 0.1");
  for (const std::string& word : slow_) {
    const auto [rank, factor] = parse(word);
    if (rank >= ranks) throw InputError(cat("--slow ", word, ": there are ", ranks, " ranks, 0 to ", ranks - 1));
    if (!made.slow.emplace(rank, factor).second) throw InputError(cat("--slow names rank ", rank, " twice"));
  }
  return made;
}

double StragglerWords::jitter_mean() const {
  if (jitter_ == "off" || measured()) return 0;
  double mean = -1;
  const char* end = jitter_.data() + jitter_.size();
  const auto [rest, status] = std::from_chars(jitter_.data(), end, mean);
  if (status != std::errc() || rest != end || !(mean >= 0 && mean <= 100))
    throw InputError(
        cat("--jitter is '", jitter_, "'; write off, measured, or a number from 0 to 100, for example 0.1 for 10 %"));
  return mean;
}

std::pair<int, double> StragglerWords::parse(const std::string& word) {
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

}  // namespace convoy
