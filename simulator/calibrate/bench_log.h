/// Logs of benchmarks of collectives, as people have them: nccl-tests of all years, and the OSU micro-benchmarks.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "reference/collectives/collective.h"

namespace convoy {

/// One measured size.
struct BenchPoint {
  double bytes = 0;
  double time_s = 0;
  int line = 0;  ///< of the log, from 1
};

struct BenchLog {
  std::string file;
  std::string tool;                    ///< "nccl-tests" or "OSU"
  std::optional<CollectiveKind> kind;  ///< where the log says it
  int ranks = 0;                       ///< 0: the log does not say
  int nodes = 0;                       ///< hosts that the ranks were on; 0: the log does not say
  std::vector<BenchPoint> points;      ///< in the order of the log; sizes of 0 bytes are left out
};

/// Reads a log. Lines of other programs between (NCCL INFO, srun's and mpirun's tags) are skipped. nccl-tests: the columns are
/// taken from the header, whatever its version has (root or not, error or the one of wrong values, us or ms); time is that out of place; the
/// operation follows from the name in the log, or from busbw / algbw where that is unambiguous. OSU: the column of average
/// latency. Throws InputError with file, line and column: no table, a number that is none, a time that is not positive, a size
/// out of order, or size / time that is not the bandwidth beside it (wrong units).
BenchLog parse_bench_log(const std::string& text, const std::string& file_name);

}  // namespace convoy
