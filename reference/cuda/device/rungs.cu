#include "reference/cuda/ladder/rungs.cuh"
