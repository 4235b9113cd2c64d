/// The verbs of convoy-train. Each adds itself to the command line; its callback does the work when it was typed. `command` is
/// the whole command line, for results; `session` the ranks that run it. Both must outlive the app.
#pragma once

#include <string>

#include "reference/io/cli.h"

namespace convoy {

class Session;

void add_train_verb(Verb& app, const std::string& command, Session& session);
void add_profile_verb(Verb& app, const std::string& command, Session& session);
void add_collective_verb(Verb& app, Session& session);
void add_predict_verb(Verb& app);
void add_facts_verb(Verb& app);

}  // namespace convoy
