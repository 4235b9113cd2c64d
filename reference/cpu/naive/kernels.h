/// The naive kernels of all layers: reference/cpu/kernels.h in plain loops, as templates over float and double, with the
/// element type written out: naive::relu_forward<double>(x, y).
#pragma once

// IWYU pragma: begin_exports
#include "reference/cpu/naive/activation.h"
#include "reference/cpu/naive/avg_pool2d.h"
#include "reference/cpu/naive/batch_norm2d.h"
#include "reference/cpu/naive/bias.h"
#include "reference/cpu/naive/channel_select.h"
#include "reference/cpu/naive/conv2d.h"
#include "reference/cpu/naive/dropout.h"
#include "reference/cpu/naive/global_avg_pool2d.h"
#include "reference/cpu/naive/linear.h"
#include "reference/cpu/naive/local_response_norm.h"
#include "reference/cpu/naive/max_pool2d.h"
#include "reference/cpu/naive/part.h"
#include "reference/cpu/naive/relu.h"
#include "reference/cpu/naive/scale.h"
#include "reference/cpu/naive/sgd.h"
#include "reference/cpu/naive/softmax_cross_entropy.h"
#include "reference/cpu/naive/sum.h"
// IWYU pragma: end_exports
