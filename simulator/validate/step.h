/// The time of a training step as a framework carries it out, by formula.
#pragma once

#include "reference/model/model.h"
#include "simulator/cost/representative.h"
#include "simulator/validate/task.h"

namespace convoy {

/// What a task runs on.
struct Setting {
  const Hardware& hardware;
  GpuWiring wiring;
  Fidelity fidelity = Fidelity::automatic;
};

/// Whether training steps are simulated: closed forms are right more often there, so only where it is asked for.
constexpr bool simulates_steps(Fidelity fidelity) { return fidelity == Fidelity::flows || fidelity == Fidelity::steps; }

/// One step of a task. Throws NotDone where the strategy makes no sense for it, InputError for a plan that does not.
StepTime time_of_step(const MeasuredTask& task, const Setting& setting);

/// Images of a GPU where a row does not state them: the largest power of two up to 256 that fits in its memory.
int fitting_batch(const MeasuredTask& task, const Device& device);

/// The cost of compute ops of a network on the GPU of a setting.
CostModel costs_of(const Model& model, const MeasuredTask& task, const Setting& setting);

// One per strategy that is no plan of ours; each file says what it counts.
StepTime pipeline_step(const MeasuredTask& task, const Setting& setting);
/// Micro-batches of a step: those that the row states, else four for each stage, with which a pipeline is idle for little of its
/// time (Huang et al. 2019, GPipe, section 2.3).
int micro_batches_of(const MeasuredTask& task);
StepTime replicated_stage_step(const MeasuredTask& task, const Setting& setting);
/// Adds the class layer behind an embedding to the step of what comes before it.
void add_class_layer(StepTime& time, const MeasuredTask& task, const Setting& setting);

}  // namespace convoy
