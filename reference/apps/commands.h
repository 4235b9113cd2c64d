/// The verbs of convoy-train. Each adds itself to the command line; its callback does the work when it was typed. `command` is
/// the whole command line, for results; `session` the ranks that run it. Both must outlive the app.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace convoy {

class Session;

void add_train_verb(CLI::App& app, const std::string& command, Session& session);
void add_profile_verb(CLI::App& app, const std::string& command, Session& session);
void add_collective_verb(CLI::App& app, Session& session);
void add_predict_verb(CLI::App& app);
void add_facts_verb(CLI::App& app);

}  // namespace convoy
