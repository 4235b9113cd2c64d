// expect: loss_factors returns only zeros so far
#include "exercise.h"

namespace convoy::lesson {

std::vector<double> loss_factors(const std::vector<std::int64_t>& images) {
  std::vector<double> factors(images.size(), 0.0);
  // Your lines come here. Write down what an image of rank r weighs in the average over ranks when all factors are 1, and what it
  // should weigh in the mean over all images.
  return factors;
}

}  // namespace convoy::lesson
