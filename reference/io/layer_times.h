/// LayerTimes: times of layers that somebody else measured, with whatever program, as CSV.
///
///     layer,pass,batch,time_ms
///     conv1,forward,32,0.81
///     conv1,backward,32,1.44
///     fc6,forward,32,2.05
///
/// `layer` is the name of a node of the network ('convoy model NAME' lists them), `pass` is forward, backward, backward_input or
/// backward_weights (backward is both together), `batch` the images that were measured, and the time stands in a column named
/// time_s, time_ms or time_us. Columns may stand in any order, others are not looked at. Several batches of a layer are
/// interpolated.
#pragma once

#include <string>
#include <vector>

namespace convoy {

struct LayerTime {
  std::string layer;
  std::string pass;
  int batch = 0;
  double time_s = 0;
  std::string place;  ///< "FILE, line 3, column 1"
};

struct LayerTimes {
  std::string file;
  std::vector<LayerTime> rows;
};

/// Whether a file of --profile is CSV: its name ends in .csv.
bool is_csv_file(const std::string& name);
/// Reads them. An InputError names file, line and column: a column that is missing, a pass that is none, a batch that is no whole
/// number of images, a time below 0, the same layer, pass and batch twice, backward beside one of its halves.
LayerTimes parse_layer_times(const std::string& csv, const std::string& file_name);

}  // namespace convoy
