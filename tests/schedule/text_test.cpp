/// The text form goes both ways, and complaints about it name the line.
#include "reference/schedule/text.h"
#include "reference/core/error.h"
#include "reference/core/random.h"
#include "reference/model/zoo.h"
#include "reference/plans/plan.h"
#include "tests/catch.h"
#include "tests/schedule/hand_made.h"

using namespace convoy;
using namespace convoy::tests;

TEST_CASE("what is written is read again, unchanged") {
  for (const int ranks : {1, 2, 3, 11}) {
    const Schedule schedule = make_schedule(make_lenet5(), make_plan("data", {.ranks = ranks, .global_batch = 8}));
    REQUIRE(parse_schedule(to_text(schedule)) == schedule);
    const Schedule evaluation =
        make_schedule(make_vgg16(), make_plan("data", {.ranks = ranks, .global_batch = 8}), Mode::evaluate);
    REQUIRE(parse_schedule(to_text(evaluation)) == evaluation);
  }
}

TEST_CASE("messages keep peers, ids and regions") {
  Schedule schedule = empty_schedule(3);
  Program& program = schedule.programs[0];
  program.ops.push_back(exchange_op("both", Message{{0, 1}, {0, {2, 3}}, 4}, Message{{0, -1}, {1, {1, 3}}, 4}, 2));
  program.ops.push_back(exchange_op("send", Message{{0, 1}, {0, {0, 8}}, 5}, std::nullopt, 3, {0}));
  program.ops.push_back(exchange_op("recv", std::nullopt, Message{{0, -1}, {1, {0, 8}}, 5}, 4, {0, 1}));
  std::get<Exchange>(program.ops[0].action).send->peer.offset = 1;
  own_program(schedule, 1).ops[0].name = "different";
  REQUIRE(parse_schedule(to_text(schedule)) == schedule);
}

TEST_CASE("channels and nodes of collectives are kept, and left out where they are the usual ones") {
  Schedule schedule = empty_schedule(4);
  schedule.programs[0].ops.push_back(all_reduce_op(all_of(schedule.programs[0], 0), 0, {}, 1));
  REQUIRE(to_text(schedule).find("channels=") == std::string::npos);
  auto& collective = std::get<Collective>(schedule.programs[0].ops[0].action);
  collective.channels = 2;
  collective.ranks_per_node = 2;
  REQUIRE(to_text(schedule).find(" channels=2 ranks_per_node=2") != std::string::npos);
  REQUIRE(parse_schedule(to_text(schedule)) == schedule);
}

TEST_CASE("boxes, bounds, nodes and axes of sums are kept") {
  const Schedule filter = make_schedule(make_lenet5(), make_plan("filter", {.ranks = 4, .global_batch = 3}));
  const std::string text = to_text(filter);
  REQUIRE(text.find("@0+3,0+1,0+28,0+28") != std::string::npos);  // the images
  REQUIRE(text.find(" bound=") != std::string::npos);             // 6 filters on 4 ranks
  REQUIRE(text.find("collective all_gather ring node=3") != std::string::npos);
  REQUIRE(parse_schedule(text) == filter);

  const Schedule spatial = make_schedule(make_lenet5(), make_plan("spatial", {.ranks = 3, .global_batch = 2}));
  REQUIRE(to_text(spatial).find("exchange node=3 ") != std::string::npos);
  REQUIRE(to_text(spatial).find("summed_over=0") != std::string::npos);
  REQUIRE(parse_schedule(to_text(spatial)) == spatial);

  // What differs in one of them only is another schedule.
  for (const auto& [from, to] : std::vector<std::pair<std::string, std::string>>{
           {"@0+3,0+1,0+28", "@0+3,0+1,1+28"}, {"all_gather ring node=3", "all_gather ring node=4"}, {"bound=0", "bound=1"}}) {
    std::string changed = text;
    changed.replace(changed.find(from), from.size(), to);
    REQUIRE_FALSE(parse_schedule(changed) == filter);
  }
}

TEST_CASE("mistakes in the text are told with their line") {
  const std::string good = to_text(make_schedule(make_lenet5(), make_plan("data", {.ranks = 2, .global_batch = 8})));
  const auto complaint = [](const std::string& text) -> std::string {
    try {
      (void)parse_schedule(text);
    } catch (const InputError& error) {
      return error.what();
    }
    return "";
  };
  const auto replaced = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    const std::size_t at = text.find(from);
    REQUIRE(at != std::string::npos);
    return text.replace(at, from.size(), to);
  };
  REQUIRE(complaint(good).empty());
  REQUIRE(complaint("").find("no line 'schedule") != std::string::npos);
  REQUIRE(complaint(replaced("mesh data=2", "mesh data=x")).find("line 2: 'x' is not a whole number") != std::string::npos);
  REQUIRE(complaint(replaced("ranks=0-1", "ranks=0-7")).find("line 4: ranks 0-7 are not in a mesh of 2") != std::string::npos);
  REQUIRE(complaint(replaced("ranks=0-1", "ranks=0")).find("rank 1 is in no class") != std::string::npos);
  REQUIRE(complaint(replaced("buffer weights weights", "buffer weights wieghts")).find("unknown kind of buffer 'wieghts'") !=
          std::string::npos);
  REQUIRE(complaint(replaced("op 0 load", "op 1 load")).find("ops must be numbered") != std::string::npos);
  REQUIRE(complaint(replaced("collective all_reduce", "collective all_redcue")).find("unknown collective") != std::string::npos);
  REQUIRE(complaint(replaced("=images[", "=imges[")).find("no buffer 'imges'") != std::string::npos);
  REQUIRE(complaint(replaced("mesh data=2", "mesh data=2000000000")).find("line 2") != std::string::npos);
  const std::size_t box = good.find('@');
  REQUIRE(complaint(replaced(good.substr(box, good.find_first_of(" \n", box) - box), "@0+4,0+1,0+28"))
              .find("a box is four times offset+count") != std::string::npos);
  REQUIRE(complaint(replaced("@0+4", "@0-4")).find("a box is four times offset+count") != std::string::npos);
  REQUIRE(complaint(replaced("summed_over=0", "summed_over=x")).find("not a whole number") != std::string::npos);
  REQUIRE(complaint(good + "frobnicate\n").find("unknown keyword 'frobnicate'") != std::string::npos);
}

TEST_CASE("no damage to the text does more than be refused or read as something else") {
  const std::string good = to_text(make_schedule(make_lenet5(), make_plan("data", {.ranks = 2, .global_batch = 8})));
  Random random(7);
  int refused = 0;
  for (int i = 0; i < 400; ++i) {
    std::string text = good;
    for (int k = 0; k < 3; ++k)
      text[static_cast<std::size_t>(random.below(static_cast<std::int64_t>(text.size())))] =
          static_cast<char>(32 + random.below(95));
    if (i % 4 == 0) text.resize(static_cast<std::size_t>(random.below(static_cast<std::int64_t>(text.size()))));
    try {
      (void)parse_schedule(text);
    } catch (const InputError&) {
      ++refused;
    }
  }
  REQUIRE(refused > 100);
}
