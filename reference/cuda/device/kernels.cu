#include "reference/cuda/layers/all.cuh"
