/// The verbs of convoy. Each function adds one to the command line; its callback does the work when the verb is typed.
/// To add a verb, write one file and one line here and in main.cpp.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace convoy {

/// What every verb knows.
struct Session {
  std::string command;  ///< as it was typed, for results
};

void add_simulate(CLI::App& app, const Session& session);
void add_sweep(CLI::App& app, const Session& session);
void add_compare(CLI::App& app, const Session& session);
void add_accuracy(CLI::App& app, const Session& session);
void add_advise(CLI::App& app, const Session& session);
void add_failures(CLI::App& app, const Session& session);
void add_validate(CLI::App& app);
void add_calibrate(CLI::App& app);
void add_schedule(CLI::App& app);
void add_collective(CLI::App& app);
void add_model(CLI::App& app);
void add_cluster(CLI::App& app);
void add_cluster_export(CLI::App& cluster_verb);  ///< a verb of the verb cluster
void add_profile(CLI::App& app);
void add_plan(CLI::App& app);
void add_trace(CLI::App& app);
void add_doctor(CLI::App& app);

}  // namespace convoy
