/// Columns of tables by the names that others give them.
#pragma once

#include "reference/io/csv.h"

namespace convoy {

/// The table with our names of columns added where it has them by another name or in another unit: "size_MiB" for size_bytes,
/// "step_time_ms" for a value of the metric step_time. Cells keep their places in the file, so that errors still name them; what
/// is no number in a column that has to be converted stays as it is, to be complained of where it is read. Columns that the table
/// has already are left alone.
CsvTable with_known_columns(CsvTable table);

}  // namespace convoy
