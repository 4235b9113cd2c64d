#include "reference/cuda/ladder/problem.h"

#include <cmath>
#include <limits>

namespace convoy::cuda::ladder {
namespace {

/// Values that differ from index to index: a sine, or integers from -8 to 8 in an order that repeats after 17 * 16 at the earliest.
Tensor<float> filled(const Shape& shape, Values values, int salt) {
  Tensor<float> tensor(shape);
  for (std::int64_t i = 0; i < tensor.count(); ++i) {
    const auto whole = static_cast<int>((i * 7 + i / 17 * 3 + i / 272 * 5 + salt) % 17) - 8;
    tensor.data()[i] = values == Values::whole ? static_cast<float>(whole)
                                               : static_cast<float>(std::sin(salt + 0.7 * static_cast<double>(i % 99991)));
  }
  return tensor;
}

Tensor<double> widened(const Tensor<float>& from) {
  Tensor<double> to(from.shape());
  for (std::int64_t i = 0; i < from.count(); ++i) to.data()[i] = static_cast<double>(from.data()[i]);
  return to;
}

}  // namespace

bool takes(const Rung& rung, const Size& size) {
  const Window& w = size.window;
  return rung.any_window || (w.stride_h == 1 && w.stride_w == 1 && w.dilation_h == 1 && w.dilation_w == 1);
}

Problem::Problem(const Op& op, const Size& size, Values values, const Backend& backend)
    : op_(op),
      size_(size),
      backend_(backend),
      first_(filled(size.first, values, 1)),
      second_(filled(size.second, values, 5)),
      before_(op.accumulates ? filled(size.out, values, 3) : Tensor<float>(size.out, std::numeric_limits<float>::quiet_NaN())) {
  const auto give = [&](const Tensor<float>& tensor, const char* name) {
    void* memory = backend_.allocate(4 * tensor.count(), name, 4);
    backend_.upload(memory, tensor.data(), 4 * tensor.count());
    return static_cast<float*>(memory);
  };
  operands_.first = give(first_, "first");
  if (second_.count() > 0) operands_.second = give(second_, "second");
  operands_.out = static_cast<float*>(backend_.allocate(4 * before_.count(), "out", 4));
  operands_.sums = static_cast<double*>(backend_.allocate(8 * (2 * size.first.c + 1), "sums", 8));
  if (op.scratch_floats != nullptr) operands_.parts = static_cast<float*>(backend_.allocate(4 * op.scratch_floats(size), "parts", 4));
}

Problem::~Problem() {
  for (const void* memory : {static_cast<const void*>(operands_.first), static_cast<const void*>(operands_.second),
                             static_cast<const void*>(operands_.out), static_cast<const void*>(operands_.sums),
                             static_cast<const void*>(operands_.parts)}) {
    try {
      backend_.release(const_cast<void*>(memory));
    } catch (const std::exception&) {  // a GPU that failed says so elsewhere
    }
  }
}

void Problem::run_anew(const Rung& rung) {
  backend_.upload(operands_.out, before_.data(), 4 * before_.count());
  run(rung);
}

Tensor<float> Problem::answer_of(const Rung& rung) {
  run_anew(rung);
  Tensor<float> answer(size_.out);
  backend_.download(answer.data(), operands_.out, 4 * answer.count());
  return answer;
}

double Problem::error_of(const Rung& rung) {
  if (wanted_.count() == 0) {
    wanted_ = widened(before_);
    const Tensor<double> first = widened(first_);
    const Tensor<double> second = widened(second_);
    op_.answer(size_, first.view(), second.view(), wanted_.view());
  }
  const Tensor<float> answer = answer_of(rung);
  double largest = 0;
  double difference = 0;
  for (std::int64_t i = 0; i < answer.count(); ++i) {
    largest = std::max(largest, std::abs(wanted_.data()[i]));
    const double here = std::abs(static_cast<double>(answer.data()[i]) - wanted_.data()[i]);
    if (!(here <= difference)) difference = here;
  }
  return difference == 0 ? 0 : difference / largest;
}

bool Problem::equals_exactly(const Rung& rung) {
  const Tensor<float> answer = answer_of(rung);
  Tensor<float> wanted(size_.out);
  std::copy_n(before_.data(), before_.count(), wanted.data());
  op_.answer_float(size_, first_.view(), second_.view(), wanted.view());
  for (std::int64_t i = 0; i < answer.count(); ++i)
    if (!(answer.data()[i] == wanted.data()[i])) return false;
  return true;
}

}  // namespace convoy::cuda::ladder
