/// The hardware of published measurements: rows of hardware.csv as devices and wiring.
#pragma once

#include <map>
#include <string>

#include "reference/io/csv.h"
#include "simulator/cost/wiring.h"
#include "simulator/platform/cluster.h"
#include "simulator/platform/gpu.h"

namespace convoy {

/// One row. What the row does not state is 0, and `missing` says so.
struct Hardware {
  std::string id;
  std::string gpu_name;
  const Gpu* gpu = nullptr;  ///< null: not in our table
  Device device;             ///< peaks by precision where stated; tf32 is half of fp16, as on every chip that has it
  GpuWiring wiring;
  std::string network;              ///< the text, for rows that leave the choice to the case
  std::vector<double> nic_choices;  ///< bytes/s
  std::string broken;               ///< why the row cannot be read; "" when it can
  std::string missing;              ///< "GPU", for sentences; "" when the GPU is stated
};

/// All rows by id. Columns that are not known are skipped. A row with a bad number
/// is there and says so. Throws InputError for a table without hardware_id.
std::map<std::string, Hardware> read_hardware(const CsvTable& table);

/// The wiring of a case: where the row names several networks, the one that the case's words name ("ib", "10g", "TCP", "RDMA").
GpuWiring wiring_of(const Hardware& hardware, const std::string& words);

}  // namespace convoy
