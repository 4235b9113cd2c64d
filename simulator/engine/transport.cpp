#include "simulator/engine/transport.h"

#include "reference/core/error.h"

namespace convoy {

const Transport::Channel& Transport::channel(int from, int to, const MessageTag& tag) {
  const std::tuple key{from, to, tag};
  if (const auto known = channels_.find(key); known != channels_.end()) return known->second;
  Channel channel = make_channel(from, to, tag);
  // SimGrid ran other actors meanwhile: one of them may have made the channel too, and then that is the one.
  return channels_.try_emplace(key, std::move(channel)).first->second;
}

Transport::Channel Transport::make_channel(int from, int to, const MessageTag& tag) const {
  const Cluster& cluster = machine_.cluster();
  Channel channel;
  channel.to = to;
  channel.link = cluster.link(from, to);
  channel.is_work = machine_.receiving_uses_cores();
  channel.is_flow = !channel.is_work || cluster.node_of(from) != cluster.node_of(to);
  if (channel.is_flow)
    channel.mailbox =
        sg::s4u::Mailbox::by_name(cat(from, ">", to, tag.collective ? " collective " : " message ", tag.axis, " ", tag.id));
  if (channel.is_work) {
    channel.sender_is_here = sg::s4u::Semaphore::create(0);
    channel.has_moved = sg::s4u::Semaphore::create(0);
  }
  return channel;
}

/// The receiver's part of a message that keeps cores busy: waits for the sender and does the work.
void Transport::receive(const Channel& channel, std::int64_t bytes) const {
  channel.sender_is_here->acquire();
  // The flow begins now that both are here, and runs while the core works.
  sg::s4u::CommPtr flow;
  std::uint64_t* ignored = nullptr;
  if (channel.is_flow) flow = channel.mailbox->get_async<std::uint64_t>(&ignored);
  if (channel.is_work) {
    if (channel.link.latency_s > 0) sg::s4u::this_actor::sleep_for(channel.link.latency_s);
    machine_.work(channel.to, machine_.cluster().communication_cores,
                  static_cast<double>(bytes) / channel.link.bandwidth_bytes_per_s);
  }
  if (flow) flow->wait();
  channel.has_moved->release();
}

void Transport::move(int rank, const std::optional<Half>& send, const std::optional<Half>& recv) {
  static std::uint64_t payload = 0;  // SimGrid wants an address; nothing is read from it
  const Channel* const out = send ? &channel(rank, send->peer, send->tag) : nullptr;
  const Channel* const in = recv ? &channel(recv->peer, rank, recv->tag) : nullptr;
  sg::s4u::CommPtr sending;
  sg::s4u::CommPtr receiving;
  std::uint64_t* ignored = nullptr;
  if (out != nullptr && out->is_flow) sending = out->mailbox->put_async(&payload, static_cast<std::uint64_t>(send->bytes));
  if (out != nullptr && out->is_work) out->sender_is_here->release();
  if (in != nullptr) {
    if (in->sender_is_here)
      receive(*in, recv->bytes);
    else
      receiving = in->mailbox->get_async<std::uint64_t>(&ignored);
  }
  if (receiving) receiving->wait();
  if (sending) sending->wait();
  if (out != nullptr && out->is_work) out->has_moved->acquire();
}

}  // namespace convoy
