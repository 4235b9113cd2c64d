/// The verbs of convoy-train. Each adds itself to the command line; its callback does the work when it was typed. `command` is
/// the whole command line, for results.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace convoy {

void add_train_verb(CLI::App& app, const std::string& command);
void add_profile_verb(CLI::App& app, const std::string& command);
void add_collective_verb(CLI::App& app);
void add_facts_verb(CLI::App& app);

}  // namespace convoy
