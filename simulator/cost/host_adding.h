/// The part of an MPI library on host memory that messages do not show: cores that add.
#pragma once

namespace convoy {

/// Seconds that a core takes to add so many bytes that arrived to what it has.
double host_adding_s(double bytes);

}  // namespace convoy
