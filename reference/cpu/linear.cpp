#include "reference/cpu/checks.h"
#include "reference/cpu/kernels.h"
#include "reference/cpu/matrix.h"
#include "reference/cpu/parallel.h"

// Note [dividing a product]: every element of the result is computed by one thread from beginning to end, so threads add
// nothing up. The longer side of the result is divided, since a thread reads all of the other operand.

namespace convoy::cpu {
namespace {

/// A part of a product is worth a thread from about 100,000 multiply-adds and 16 rows (or columns) on, one vector register.
std::int64_t product_grain(std::int64_t side, double multiply_adds) {
  const double worth = 1e5 * static_cast<double>(side) / std::max(multiply_adds, 1.0);
  return std::max<std::int64_t>(16, static_cast<std::int64_t>(std::min(worth, 1e9)));
}

/// body(rows, columns) for blocks that together are the result [extent], divided along its longer side.
template <class Body>
void divide_product(Extent extent, std::int64_t depth, const Body& body) {
  const double work = static_cast<double>(extent.rows) * static_cast<double>(extent.columns) * static_cast<double>(depth);
  if (extent.rows >= extent.columns)
    parallel_slices(extent.rows, product_grain(extent.rows, work), [&](Slice rows) { body(rows, Slice{0, extent.columns}); });
  else
    parallel_slices(extent.columns, product_grain(extent.columns, work), [&](Slice columns) {
      body(Slice{0, extent.rows}, columns);
    });
}

/// With few samples a matrix product spends its time rearranging the weights; products with vectors read them as they lie.
constexpr std::int64_t kFewSamples = 8;

/// y = x w^T, eight rows of w at a time: they come from memory once and from the cache for the other samples.
void few_samples(const ConstMatrixMap& x, const ConstMatrixMap& w, MatrixMap& y) {
  constexpr std::int64_t kRows = 8;
  for (std::int64_t k = 0; k < w.rows(); k += kRows) {
    const std::int64_t rows = std::min(kRows, w.rows() - k);
    for (std::int64_t n = 0; n < x.rows(); ++n)
      y.row(n).segment(k, rows).transpose().noalias() = w.middleRows(k, rows) * x.row(n).transpose();
  }
}

}  // namespace

void linear_forward(View<const float> x, View<const float> w, View<const float> b, View<float> y) {
  check_linear("linear_forward", x.shape, w.shape, y.shape);
  check_bias("linear_forward", "b", b, w.shape.n);
  const std::int64_t in = x.shape.sample_count();
  const std::int64_t out = w.shape.n;
  divide_product({x.shape.n, out}, in, [&](Slice samples, Slice outputs) {
    if (samples.count == 0) return;
    const auto inputs = as_matrix(x.data + samples.offset * in, {samples.count, in}, in);
    const auto weights = as_matrix(w.data + outputs.offset * in, {outputs.count, in}, in);
    auto result = as_matrix(y.data + samples.offset * out + outputs.offset, {samples.count, outputs.count}, out);
    if (samples.count < kFewSamples)
      few_samples(inputs, weights, result);
    else
      result.noalias() = inputs * weights.transpose();
    if (b.data == nullptr) return;
    for (std::int64_t n = 0; n < samples.count; ++n) result.row(n).array() += ConstRowMap(b.data + outputs.offset, outputs.count);
  });
}

void linear_backward_input(View<const float> dy, View<const float> w, View<float> dx) {
  check_linear("linear_backward_input", dx.shape, w.shape, dy.shape);
  const std::int64_t in = dx.shape.sample_count();
  const std::int64_t out = w.shape.n;
  divide_product({dx.shape.n, in}, out, [&](Slice samples, Slice inputs) {
    if (samples.count == 0) return;
    const auto gradients = as_matrix(dy.data + samples.offset * out, {samples.count, out}, out);
    const auto weights = as_matrix(w.data + inputs.offset, {out, inputs.count}, in);
    as_matrix(dx.data + samples.offset * in + inputs.offset, {samples.count, inputs.count}, in).noalias() = gradients * weights;
  });
}

void linear_backward_weights(View<const float> dy, View<const float> x, View<float> dw, View<float> db) {
  check_linear("linear_backward_weights", x.shape, dw.shape, dy.shape);
  check_bias("linear_backward_weights", "db", db, dw.shape.n);
  const std::int64_t in = x.shape.sample_count();
  const std::int64_t out = dw.shape.n;
  const std::int64_t batch = x.shape.n;
  if (batch == 0) return;
  divide_product({out, in}, batch, [&](Slice outputs, Slice inputs) {
    const auto gradients = as_matrix(dy.data + outputs.offset, {batch, outputs.count}, out);
    const auto values = as_matrix(x.data + inputs.offset, {batch, inputs.count}, in);
    as_matrix(dw.data + outputs.offset * in + inputs.offset, {outputs.count, inputs.count}, in).noalias() +=
        gradients.transpose() * values;
  });
  if (db.data == nullptr) return;
  for (std::int64_t n = 0; n < batch; ++n) RowMap(db.data, out) += ConstRowMap(dy.data + n * out, out);
}

}  // namespace convoy::cpu
