/// What a stream of a rank is called in pictures and traces.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace convoy {

/// "compute", "communication", "activations"; of a further stream what the names of its ops, without their micro-batch, end with
/// alike after a dot: "y.to1" of relu1.y.to1.mb0 and add2.y.to1.mb1; "stream 5" when that is nothing.
std::string stream_name(int stream, const std::vector<std::string_view>& ops);

}  // namespace convoy
