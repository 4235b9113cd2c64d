/// The verbs of convoy. Each function adds one to the command line; its callback does the work when the verb is typed.
/// To add a verb, write one file and one line here and in main.cpp.
#pragma once

#include <string>

#include "reference/io/cli.h"

namespace convoy {

/// What every verb knows.
struct Session {
  std::string command;  ///< as it was typed, for results
};

void add_simulate(Verb& app, const Session& session);
void add_sweep(Verb& app, const Session& session);
void add_compare(Verb& app, const Session& session);
void add_accuracy(Verb& app, const Session& session);
void add_advise(Verb& app, const Session& session);
void add_failures(Verb& app, const Session& session);
void add_validate(Verb& app);
void add_calibrate(Verb& app);
void add_schedule(Verb& app);
void add_collective(Verb& app);
void add_model(Verb& app);
void add_cluster(Verb& app);
void add_cluster_export(Verb& cluster_verb);  ///< a verb of the verb cluster
void add_profile(Verb& app);
void add_plan(Verb& app);
void add_trace(Verb& app);
void add_doctor(Verb& app);

}  // namespace convoy
