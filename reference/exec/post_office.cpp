#include "reference/exec/post_office.h"

#include "reference/core/error.h"
#include "reference/core/random.h"

namespace convoy {

std::size_t PostOffice::HashName::operator()(const MessageName& name) const {
  return static_cast<std::size_t>(random_bits(0, name.from, name.axis, name.id, name.iteration, name.round, name.channel));
}

template <class Ready>
void PostOffice::wait(Inbox& inbox, std::unique_lock<std::mutex>& lock, const Ready& ready, const char* what, int peer) {
  const bool in_time = inbox.changed.wait_for(lock, time_out_, [&] { return stopped_.load() || ready(); });
  if (stopped_.load()) throw Stopped();
  if (!in_time) throw TimedOut(cat("waited ", time_out_.count(), " s for rank ", peer, what));
}

std::shared_ptr<PostOffice::Letter> PostOffice::offer(const MessageName& name, const std::byte* data, std::int64_t bytes) {
  auto letter = std::make_shared<Letter>(Letter{.data = data, .bytes = bytes, .from = name.from});
  Inbox& inbox = inboxes_[static_cast<std::size_t>(name.to)];
  {
    const std::lock_guard lock(inbox.mutex);
    letter->arrival = inbox.arrivals++;
    inbox.letters.emplace(name, letter);
  }
  inbox.changed.notify_all();
  return letter;
}

std::shared_ptr<PostOffice::Letter> PostOffice::wait_for_offer(const MessageName& name) {
  Inbox& inbox = inboxes_[static_cast<std::size_t>(name.to)];
  std::unique_lock lock(inbox.mutex);
  auto found = inbox.letters.end();
  wait(
      inbox, lock, [&] { return (found = inbox.letters.find(name)) != inbox.letters.end(); }, " to send", name.from);
  auto letter = std::move(found->second);
  inbox.letters.erase(found);
  return letter;
}

std::pair<std::size_t, std::shared_ptr<PostOffice::Letter>> PostOffice::wait_for_any(const std::vector<MessageName>& names) {
  Inbox& inbox = inboxes_[static_cast<std::size_t>(names.at(0).to)];
  std::unique_lock lock(inbox.mutex);
  std::size_t first = names.size();
  auto found = inbox.letters.end();
  const auto look = [&] {
    for (std::size_t i = 0; i < names.size(); ++i)
      if (const auto here = inbox.letters.find(names[i]);
          here != inbox.letters.end() && (first == names.size() || here->second->arrival < found->second->arrival)) {
        first = i;
        found = here;
      }
    return first != names.size();
  };
  wait(inbox, lock, look, " or another worker to push", names.front().from);
  auto letter = std::move(found->second);
  inbox.letters.erase(found);
  return {first, std::move(letter)};
}

void PostOffice::done_reading(Letter& letter) {
  Inbox& inbox = inboxes_[static_cast<std::size_t>(letter.from)];
  {
    const std::lock_guard lock(inbox.mutex);
    letter.read = true;
  }
  inbox.changed.notify_all();
}

void PostOffice::wait_until_read(const MessageName& name, const Letter& letter) {
  Inbox& inbox = inboxes_[static_cast<std::size_t>(name.from)];
  std::unique_lock lock(inbox.mutex);
  wait(
      inbox, lock, [&] { return letter.read; }, " to receive", name.to);
}

void PostOffice::stop() {
  stopped_ = true;
  for (Inbox& inbox : inboxes_) {
    const std::lock_guard lock(inbox.mutex);  // so that nobody checks before and sleeps after
    inbox.changed.notify_all();
  }
}

}  // namespace convoy
