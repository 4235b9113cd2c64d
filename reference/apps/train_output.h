/// What training says when it has ended: tables for people, and the report of the run.
#pragma once

#include <cstdio>
#include <string>

#include "reference/apps/train_options.h"
#include "reference/io/report.h"
#include "reference/train/trainer.h"

namespace convoy {

/// A line for every epoch.
void print_epochs(std::FILE* out, const TrainResult& result);
/// How much of the training time went by without images; said when it is worth a remedy.
void print_waiting(std::FILE* out, const TrainOptions& options, const TrainResult& result);
/// How long it took to come to which accuracy, where that was asked for.
void print_milestones(std::FILE* out, const TrainOptions& options, const std::vector<AccuracyPoint>& curve);
/// Where the time of a step went.
void print_step(std::FILE* out, const RunReport& report);
/// What all_reduce = auto became in a full step.
void print_choices(std::FILE* out, const Model& model, const Plan& plan);

/// The report of a run, as --json has it (docs/formats.md): what was chosen, times of a step in seconds, losses and accuracies of all
/// epochs. `command`: the line that was typed.
RunReport report_of(const TrainOptions& options, const ScheduleChoice& choice, const TrainResult& result,
                    const std::string& command);

}  // namespace convoy
