/// All kernels of the layers: compiled for the GPU by device/kernels.cu and for the emulator by emulated/kernels.cpp.
#pragma once

#include "reference/cuda/layers/activation.cuh"
#include "reference/cuda/layers/batch_norm2d.cuh"
#include "reference/cuda/layers/conv2d.cuh"
#include "reference/cuda/layers/elementwise.cuh"
#include "reference/cuda/layers/linear.cuh"
#include "reference/cuda/layers/pool.cuh"
#include "reference/cuda/layers/softmax_cross_entropy.cuh"
