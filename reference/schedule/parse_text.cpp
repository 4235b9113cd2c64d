// Reading the text form of a schedule.
#include <algorithm>
#include <array>
#include <map>
#include <sstream>

#include "reference/schedule/text.h"
#include "reference/schedule/words.h"

namespace convoy {
namespace {

/// The value of an enumeration by its name, for enumerations whose to_string is a table of `count` names.
template <class E>
E parse_name(const Words& words, std::string_view what, std::string_view text, int count) {
  for (int i = 0; i < count; ++i)
    if (to_string(static_cast<E>(i)) == text) return static_cast<E>(i);
  words.fail(cat("unknown ", what, " '", text, "'"));
}

class Parser {
 public:
  Schedule parse(std::string_view text) {
    int number = 0;
    while (!text.empty()) {
      const std::size_t end = std::min(text.find('\n'), text.size());
      ++number;
      Words words(text.substr(0, end), number);
      text.remove_prefix(std::min(end + 1, text.size()));
      if (words.done() || words.next_starts_with("#")) continue;
      line(words);
      if (!words.done()) words.fail("unexpected '" + words.take("") + "'");
    }
    if (!begun_) throw InputError("schedule text: no line 'schedule ...' in it");
    for (std::size_t r = 0; r < schedule_.class_of.size(); ++r)
      if (schedule_.class_of[r] < 0) throw InputError(cat("schedule text: rank ", r, " is in no class"));
    return std::move(schedule_);
  }

 private:
  void line(Words& words) {
    const std::string what = words.take("a keyword");
    if (what != "schedule" && !begun_) words.fail("the first line must begin with 'schedule', found '" + what + "'");
    if (what == "schedule") return header(words);
    if (what == "mesh") return mesh(words);
    if (what == "class") return rank_class(words);
    if (what != "buffer" && what != "op") words.fail("unknown keyword '" + what + "'; known: schedule, mesh, class, buffer, op");
    if (schedule_.programs.empty()) words.fail("'" + what + "' before the first 'class'");
    if (what == "buffer") return buffer(words);
    op(words);
  }

  void header(Words& words) {
    begun_ = true;
    schedule_.model = words.value("model");
    schedule_.plan = words.value("plan");
    schedule_.mode = words.value("mode");
    schedule_.precision = words.value("precision");
    schedule_.global_batch = words.integer(words.value("batch"));
    schedule_.batch_axis = words.integer(words.value("batch_axis"));
    if (words.next_starts_with("servers=")) schedule_.servers = words.integer(words.value("servers"));
    if (words.next_starts_with("local_steps=")) schedule_.local_steps = words.integer(words.value("local_steps"));
  }

  void mesh(Words& words) {
    if (!schedule_.mesh.axes.empty()) words.fail("a second mesh");
    while (!words.done()) {
      const std::string word = words.take("name=extent");
      const std::size_t equals = word.find('=');
      if (equals == std::string::npos) words.fail("expected name=extent, found '" + word + "'");
      const int extent = words.integer(std::string_view(word).substr(equals + 1));
      if (extent < 1 || extent > (1 << 24) || schedule_.mesh.world_size() > (1 << 24) / extent)
        words.fail("an axis has at least 1 and a mesh at most 2^24 ranks");
      schedule_.mesh.axes.push_back({word.substr(0, equals), extent});
    }
    schedule_.class_of.assign(static_cast<std::size_t>(schedule_.mesh.world_size()), -1);
  }

  void rank_class(Words& words) {
    if (words.integer(words.take("the number of the class")) != static_cast<int>(schedule_.programs.size()))
      words.fail("classes must be numbered 0, 1, 2, ...");
    schedule_.programs.push_back({.batch = words.integer(words.value("batch")), .buffers = {}, .ops = {}});
    buffers_.clear();
    const std::string ranks = words.value("ranks");
    while (words.next_starts_with("owned=")) {
      const std::string part = words.value("owned");
      const std::size_t plus = part.find('+');
      if (plus == std::string::npos) words.fail("a part is offset+count, found '" + part + "'");
      schedule_.programs.back().owned.push_back({words.parse<std::int64_t>(std::string_view(part).substr(0, plus), "an offset"),
                                                 words.parse<std::int64_t>(std::string_view(part).substr(plus + 1), "a count")});
    }
    if (ranks == "none") return;
    std::istringstream in(ranks);
    for (std::string range; std::getline(in, range, ',');) {
      const std::size_t dash = range.find('-');
      const int first = words.integer(std::string_view(range).substr(0, dash));
      const int last = dash == std::string::npos ? first : words.integer(std::string_view(range).substr(dash + 1));
      if (first < 0 || last < first || static_cast<std::size_t>(last) >= schedule_.class_of.size())
        words.fail(cat("ranks ", range, " are not in a mesh of ", schedule_.class_of.size()));
      for (int r = first; r <= last; ++r)
        schedule_.class_of[static_cast<std::size_t>(r)] = static_cast<int>(schedule_.programs.size()) - 1;
    }
  }

  void buffer(Words& words) {
    Buffer buffer;
    buffer.name = words.take("the buffer's name");
    buffer.kind = parse_name<BufferKind>(words, "kind of buffer", words.take("the buffer's kind"), 7);
    buffer.dtype = parse_name<DType>(words, "element type", words.take("the element type"), kDTypeCount);
    const std::string shape = words.take("the shape");
    std::array<int*, 4> extents = {&buffer.shape.n, &buffer.shape.c, &buffer.shape.h, &buffer.shape.w};
    std::istringstream in(shape);
    std::size_t i = 0;
    for (std::string extent; std::getline(in, extent, 'x'); ++i) {
      if (i >= extents.size()) words.fail("a shape has four extents, found '" + shape + "'");
      *extents.at(i) = words.integer(extent);
    }
    if (i != extents.size()) words.fail("a shape has four extents, found '" + shape + "'");
    if (!words.done()) buffer.layout = parse_name<BufferLayout>(words, "layout", words.take("the layout"), 2);
    if (!buffers_.try_emplace(buffer.name, static_cast<int>(buffers_.size())).second)
      words.fail("a second buffer '" + buffer.name + "'");
    schedule_.programs.back().buffers.push_back(buffer);
  }

  Region region(const Words& words, std::string_view text) const {
    const std::size_t open = text.rfind('[');
    const std::size_t plus = text.rfind('+');
    if (open == std::string_view::npos || plus == std::string_view::npos || plus < open || !text.ends_with(']'))
      words.fail(cat("expected buffer[offset+count], found '", text, "'"));
    const auto found = buffers_.find(std::string(text.substr(0, open)));
    if (found == buffers_.end()) words.fail(cat("no buffer '", text.substr(0, open), "' in this class"));
    return {found->second,
            {words.parse<std::int64_t>(text.substr(open + 1, plus - open - 1), "an offset"),
             words.parse<std::int64_t>(text.substr(plus + 1, text.size() - plus - 2), "a count")}};
  }

  /// The box behind '@' in an operand's word; an empty one without.
  static Box box(const Words& words, const std::string& word) {
    Box box;
    const std::size_t at = word.find('@');
    if (at == std::string::npos) return box;
    std::istringstream in(word.substr(at + 1));
    std::array<Slice*, 4> slices = {&box.n, &box.c, &box.h, &box.w};
    std::size_t i = 0;
    for (std::string slice; std::getline(in, slice, ','); ++i) {
      const std::size_t plus = slice.find('+');
      if (i >= slices.size() || plus == std::string::npos) words.fail("a box is four times offset+count, found '" + word + "'");
      *slices.at(i) = {words.parse<std::int64_t>(std::string_view(slice).substr(0, plus), "an offset"),
                       words.parse<std::int64_t>(std::string_view(slice).substr(plus + 1), "a count")};
    }
    if (i != slices.size()) words.fail("a box is four times offset+count, found '" + word + "'");
    return box;
  }

  void op(Words& words) {
    std::vector<Op>& ops = schedule_.programs.back().ops;
    if (words.integer(words.take("the number of the op")) != static_cast<int>(ops.size()))
      words.fail("ops must be numbered 0, 1, 2, ... in each class");
    Op op;
    op.name = words.take("the op's name");
    words.expect("stream");
    op.stream = words.integer(words.take("the stream"));
    while (words.next_starts_with("after=")) op.after.push_back(words.integer(words.value("after")));
    const std::string what = words.take("compute, exchange, collective or serve");
    if (what == "compute") {
      op.action = compute(words);
    } else if (what == "exchange") {
      op.node = words.integer(words.value("node"));
      op.action = exchange(words);
    } else if (what == "collective") {
      op.action = collective(words, op.node);
    } else if (what == "serve") {
      op.action = serve(words);
    } else {
      words.fail("expected compute, exchange, collective or serve, found '" + what + "'");
    }
    ops.push_back(std::move(op));
  }

  Compute compute(Words& words) const {
    Compute compute;
    compute.kind = parse_name<ComputeKind>(words, "compute op", words.take("the kind of compute op"), kComputeKindCount);
    compute.node = words.integer(words.value("node"));
    while (!words.next_starts_with("flops=") && !words.next_starts_with("summed_over=")) {
      const std::string word = words.take("access:role=region or flops=");
      const std::size_t colon = word.find(':');
      const std::size_t equals = word.find('=');
      if (colon == std::string::npos || equals == std::string::npos || equals < colon)
        words.fail("expected access:role=region, found '" + word + "'");
      compute.operands.push_back(
          {parse_name<Role>(words, "role", std::string_view(word).substr(colon + 1, equals - colon - 1), kRoleCount),
           parse_name<Access>(words, "access", std::string_view(word).substr(0, colon), 3),
           region(words, std::string_view(word).substr(equals + 1, word.find('@') - equals - 1)), box(words, word)});
    }
    while (words.next_starts_with("summed_over=")) compute.summed_over.push_back(words.integer(words.value("summed_over")));
    compute.work.flops = words.parse<double>(words.value("flops"), "a number");
    compute.work.bytes_read = words.parse<double>(words.value("bytes_read"), "a number");
    compute.work.bytes_written = words.parse<double>(words.value("bytes_written"), "a number");
    return compute;
  }

  Message message(Words& words, const std::string& direction) const {
    Message message;
    message.region = region(words, words.value(direction));
    message.peer.axis = words.integer(words.value("axis"));
    message.peer.offset = words.integer(words.value("offset"));
    message.id = words.integer(words.value("id"));
    return message;
  }

  Exchange exchange(Words& words) const {
    Exchange exchange;
    if (words.next_starts_with("send=")) exchange.send = message(words, "send");
    if (words.next_starts_with("recv=")) exchange.recv = message(words, "recv");
    return exchange;
  }

  Serve serve(Words& words) const {
    Serve serve;
    serve.rule.mode = words.take("the mode");
    serve.rule.accept = words.integer(words.value("accept"));
    serve.rule.bound = words.integer(words.value("bound"));
    serve.first = words.parse<std::int64_t>(words.value("first"), "a whole number");
    while (words.next_starts_with("push=")) {
      serve.pushes.push_back(message(words, "push"));
      serve.pulls.push_back(message(words, "pull"));
    }
    serve.rule.workers = static_cast<int>(serve.pushes.size());
    words.expect("add");
    serve.add = compute(words);
    words.expect("update");
    serve.update = compute(words);
    if (words.next_starts_with("unpack")) {
      words.expect("unpack");
      serve.unpack = compute(words);
    }
    return serve;
  }

  Collective collective(Words& words, int& node) const {
    Collective collective;
    collective.kind = parse_name<CollectiveKind>(words, "collective", words.take("the kind of collective"), kCollectiveKindCount);
    collective.algorithm = words.take("the algorithm");
    node = words.integer(words.value("node"));
    collective.axis = words.integer(words.value("axis"));
    collective.id = words.integer(words.value("id"));
    collective.root = words.integer(words.value("root"));
    collective.chunks = words.integer(words.value("chunks"));
    collective.region = region(words, words.value("on"));
    if (words.next_starts_with("channels=")) collective.channels = words.integer(words.value("channels"));
    if (words.next_starts_with("ranks_per_node=")) collective.ranks_per_node = words.integer(words.value("ranks_per_node"));
    while (words.next_starts_with("bound="))
      collective.bounds.push_back(words.parse<std::int64_t>(words.value("bound"), "a whole number"));
    return collective;
  }

  Schedule schedule_;
  std::map<std::string, int> buffers_;
  bool begun_ = false;
};

}  // namespace

Schedule parse_schedule(std::string_view text) { return Parser().parse(text); }

}  // namespace convoy
