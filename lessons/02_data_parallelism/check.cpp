/// The check of lesson 2: takes the gradients of real shards, combines them as the library would, and compares with the gradient
/// of the whole batch.
#include <algorithm>
#include <numeric>
#include <string>

#include "exercise.h"
#include "gradient.h"
#include "lessons/lesson.h"
#include "lessons/steps.h"

namespace convoy::lesson {
namespace {

using Images = std::vector<std::int64_t>;

std::int64_t total(const Images& images) { return std::accumulate(images.begin(), images.end(), std::int64_t{0}); }

/// The average over ranks of the gradients of their means, each times its factor.
Gradient averaged(const Batch& batch, const Images& images, const std::vector<double>& factors) {
  Gradient sum(static_cast<std::size_t>(batch.weight.count()), 0.0);
  std::int64_t first = 0;
  for (std::size_t r = 0; r < images.size(); ++r) {
    if (images[r] > 0)
      add(factors[r] / static_cast<double>(images.size()),
          gradient_of(batch, {first, images[r]}, 1.0 / static_cast<double>(images[r])), sum);
    first += images[r];
  }
  return sum;
}

/// Whether all factors of ranks with images are `wanted(own images)`.
template <class F>
bool are(const std::vector<double>& factors, const Images& images, const F& wanted) {
  for (std::size_t r = 0; r < images.size(); ++r)
    if (images[r] > 0 && !(std::abs(factors[r] - wanted(static_cast<double>(images[r]))) <= 1e-12)) return false;
  return true;
}

std::string likely_mistake(const std::vector<double>& factors, const Images& images) {
  const auto ranks = static_cast<double>(images.size());
  const auto all = static_cast<double>(total(images));
  const auto busy = static_cast<double>(std::count_if(images.begin(), images.end(), [](std::int64_t own) { return own > 0; }));
  if (are(factors, images, [](double) { return 0.0; }))
    return "loss_factors returns only zeros so far: open exercise.cpp and write what each rank's loss is multiplied by.";
  if (are(factors, images, [](double) { return 1.0; }))
    return "All factors are 1: that is the mean of means, in which an image weighs more the fewer its rank has.";
  if (are(factors, images, [&](double own) { return own / all; }))
    return "These are the shares of the images. They would be right if ranks added their gradients; but the library divides by "
           "the "
           "number of ranks.";
  if (are(factors, images, [&](double own) { return all / (ranks * own); }))
    return "This is upside down: a rank with more images must count more.";
  if (are(factors, images, [&](double) { return ranks / all; }))
    return "This would be right if a rank's loss were the sum over its images; it is already a mean over its own images.";
  if (are(factors, images, [&](double own) { return busy * own / all; }))
    return "Nearly. The library averages over all ranks, also those without an image, which bring a gradient of 0.";
  return "In the average over ranks, an image of rank r weighs factor / (ranks * images of rank r). In the mean over all images "
         "it "
         "weighs 1 / (all images).";
}

void check_one(const Images& images) {
  const std::vector<double> factors = loss_factors(images);
  std::string text;
  for (const std::int64_t own : images) text += cat(text.empty() ? "" : ", ", own);
  if (factors.size() != images.size())
    throw NotYet(
        cat("ranks with ", text, " images: expected ", images.size(), " factors, one for each rank, got ", factors.size(), "."));
  const Batch batch = make_batch(static_cast<int>(total(images)));
  const Gradient full = gradient_of(batch, {0, total(images)}, 1.0 / static_cast<double>(total(images)));
  const double off = relative_difference(full, averaged(batch, images, factors));
  if (off <= kRounding) return;
  throw NotYet(cat("ranks with ", text, " images: the averaged gradient is off by ", 100 * off, " % of its largest value.\n",
                   likely_mistake(factors, images)));
}

void check_all() {
  for (const Images& images : {Images{3, 2}, Images{1, 7, 4}, Images{5}, Images{2, 2, 1, 0}, Images{0, 9}, Images{4, 4, 4, 4}})
    check_one(images);
}

}  // namespace
}  // namespace convoy::lesson

int main() { return convoy::lesson::check(convoy::lesson::check_all); }
