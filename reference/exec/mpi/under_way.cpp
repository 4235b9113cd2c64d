#include "reference/exec/mpi/under_way.h"

namespace convoy {

std::int64_t UnderWay::sent_bytes() {
  if (const auto* channels = std::get_if<Channels>(&what)) return channels->sent_bytes();
  if (const auto* turn = std::get_if<ServingTurn>(&what)) return turn->serving->take_sent_bytes();
  return 0;
}

void UnderWay::collect(std::vector<Pending*>& pending) {
  if (auto* channels = std::get_if<Channels>(&what)) channels->collect(pending);
  if (auto* timed = std::get_if<Timed>(&what)) timed->collect(pending);
  if (auto* turn = std::get_if<ServingTurn>(&what)) turn->serving->collect(pending);
}

std::string UnderWay::awaited() const {
  if (const auto* channels = std::get_if<Channels>(&what)) return channels->waiting().awaited();
  if (const auto* turn = std::get_if<ServingTurn>(&what)) return turn->serving->awaited();
  return "the other ranks of the collective";
}

std::vector<int> UnderWay::awaited_ranks() const {
  if (const auto* channels = std::get_if<Channels>(&what)) return {channels->waiting().awaited_rank()};
  if (const auto* turn = std::get_if<ServingTurn>(&what)) return turn->serving->awaited_ranks();
  return {};
}

}  // namespace convoy
