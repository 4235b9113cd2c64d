#include "reference/cpu/kernels.h"

#if defined(__SSE3__)
#include <xmmintrin.h>
#endif

namespace convoy::cpu {
namespace {

void flush_denormals_of_this_thread() {
#if defined(__SSE3__)
  constexpr unsigned kFlushResultsToZero = 0x8000;  // FTZ of the control register MXCSR
  constexpr unsigned kTakeOperandsAsZero = 0x0040;  // DAZ
  _mm_setcsr(_mm_getcsr() | kFlushResultsToZero | kTakeOperandsAsZero);
#endif
}

}  // namespace

void flush_denormals() {
  flush_denormals_of_this_thread();
#ifdef _OPENMP
#pragma omp parallel
  flush_denormals_of_this_thread();  // threads started later inherit the setting from this one
#endif
}

}  // namespace convoy::cpu
