/// in_child: runs a function in a forked process and brings its result back.
#pragma once

#include <cstddef>
#include <functional>
#include <string>

namespace convoy {

/// What `work` returns when run in a forked child. Nothing else of the child is seen: no output of buffers that were filled
/// before the fork, no exit handlers. Throws what the child threw, with its type for the types of reference/core/error.h and
/// std::invalid_argument, as std::runtime_error otherwise; also when the child dies. Call it while the process has one thread.
std::string in_child(const std::function<std::string()>& work);

/// The same for work(0) ... work(count - 1), up to `jobs` children at once. `done` gets each result in this process, in the order
/// in which they come. When one throws, the others are ended and it is thrown on; what was done before has been handed to `done`.
void in_children(int jobs, std::size_t count, const std::function<std::string(std::size_t)>& work,
                 const std::function<void(std::size_t, const std::string&)>& done);

}  // namespace convoy
