/// in_child: runs a function in a forked process and brings its result back.
#pragma once

#include <functional>
#include <string>

namespace convoy {

/// What `work` returns when run in a forked child. Nothing else of the child is seen: no output of buffers that were filled
/// before the fork, no exit handlers. Throws what the child threw, with its type for the types of reference/core/error.h and
/// std::invalid_argument, as std::runtime_error otherwise; also when the child dies. Call it while the process has one thread.
std::string in_child(const std::function<std::string()>& work);

}  // namespace convoy
