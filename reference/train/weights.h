/// Weights: between the flat parameters of a model and what a rank's memory holds of them under a plan.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "reference/exec/memory.h"
#include "reference/model/model.h"
#include "reference/schedule/schedule.h"

namespace convoy {

/// What a rank holds of the parameters `full` (as in parameters(model), one after the other), in the order of its buffer
/// "weights"; and of the running statistics, in that of "running_statistics".
std::vector<double> local_weights(const Model& model, const Schedule& schedule, int rank, const std::vector<double>& full);
std::vector<double> local_states(const Model& model, const Schedule& schedule, int rank, const std::vector<double>& full);
/// The inverse: puts what a rank holds where it belongs in `full`. Ranks that hold the same overwrite each other: go from the
/// last to the first, since running statistics, and weights that only rank 0 keeps up to date, are those of the first.
void place_weights(const Model& model, const Schedule& schedule, int rank, const std::vector<double>& local,
                   std::vector<double>& full);
void place_states(const Model& model, const Schedule& schedule, int rank, const std::vector<double>& local,
                  std::vector<double>& full);

/// The weights that a rank keeps as a server, among the flat values of the model; nothing when it is none.
std::optional<Slice> served_weights(const Schedule& schedule, int rank);
/// Gives a rank what it has of these weights, as a worker and as a server; of momentum, where it keeps some.
void set_weights(const RankMemory& memory, const Model& model, const Schedule& schedule, int rank, const std::vector<double>& full);
void set_momentum(const RankMemory& memory, const Model& model, const Schedule& schedule, int rank, const std::vector<double>& full);
/// place_weights() for momentum, of which a rank may have another part.
void place_momentum(const Model& model, const Schedule& schedule, int rank, const std::vector<double>& local,
                    std::vector<double>& full);
/// Places what a server keeps; afterwards, since its weights are the ones that count.
void place_served(const Schedule& schedule, int rank, const std::vector<double>& local, std::vector<double>& full);

/// Writes to and reads from a rank's buffer "weights" or "running_statistics", of f32 or f64; the memory must be bound to a
/// schedule. A buffer that does not exist has 0 elements.
void write_values(const RankMemory& memory, const std::string& buffer, const std::vector<double>& values);
std::vector<double> read_values(const RankMemory& memory, const std::string& buffer);

}  // namespace convoy
