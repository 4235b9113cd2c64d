/// Blocked activations in schedules: which they are, that nothing of them travels, and where they are repacked.
#include <algorithm>

#include "reference/core/error.h"
#include "reference/model/fuse.h"
#include "reference/model/zoo.h"
#include "reference/plans/plan.h"
#include "reference/schedule/text.h"
#include "reference/schedule/validate.h"
#include "tests/catch.h"
#include "tests/oracle/models.h"
#include "tests/oracle/plan_cases.h"

using namespace convoy;
using namespace convoy::tests;

namespace {

int blocked_buffers(const Schedule& schedule) {
  int count = 0;
  for (const Program& program : schedule.programs)
    for (const Buffer& buffer : program.buffers) count += buffer.layout == BufferLayout::nchw16c ? 1 : 0;
  return count;
}

std::vector<std::string> repacks(const Schedule& schedule) {
  std::vector<std::string> names;
  for (const Op& op : schedule.programs.at(0).ops)
    if (const auto* compute = std::get_if<Compute>(&op.action); compute != nullptr && compute->kind == ComputeKind::repack)
      names.push_back(op.name);
  return names;
}

Schedule blocked_schedule(const Model& model, Plan plan, Mode mode = Mode::train) {
  plan.layout = ActivationLayout::blocked;
  return make_schedule(fused_for(model, plan), plan, mode);
}

}  // namespace

TEST_CASE("a network on one rank is blocked between its images and its linear layers, and repacked there only") {
  const Plan plan = make_plan("data", {.ranks = 1, .global_batch = 2});
  const Schedule vgg = blocked_schedule(make_vgg16(), plan);
  REQUIRE(repacks(vgg) == std::vector<std::string>{"flatten.x.nchw.repack", "flatten.dx.nchw16c.repack"});
  for (const Buffer& buffer : vgg.programs[0].buffers) {
    const bool blocked = buffer.layout == BufferLayout::nchw16c;
    CAPTURE(buffer.name);
    if (buffer.name.starts_with("conv") || buffer.name.starts_with("pool")) REQUIRE(blocked);
    if (buffer.name.starts_with("fc") || buffer.name == "images") REQUIRE_FALSE(blocked);
  }
  // The average of a global pool is the same in both layouts.
  REQUIRE(repacks(blocked_schedule(make_resnet20(), plan)).empty());
  REQUIRE(repacks(blocked_schedule(make_resnet20(), plan, Mode::evaluate)).empty());
}

TEST_CASE("lanes of padding count as memory") {
  const Buffer buffer{"y", BufferKind::activation, DType::f32, {2, 17, 3, 5}, BufferLayout::nchw16c};
  REQUIRE(element_count(buffer) == 2 * 32 * 3 * 5);
  REQUIRE(element_count(buffer.shape, BufferLayout::nchw) == 2 * 17 * 3 * 5);
}

TEST_CASE("every plan makes valid blocked schedules, which the text form holds") {
  int blocked = 0;
  int plain = 0;
  std::vector<PlanCase> cases;
  for (const NamedPlan& row : named_plans())
    if (row.rules != nullptr) cases.push_back(named_case(std::string(row.name), {.ranks = 2, .global_batch = 6}));
  for (PlanCase& c : several_axes_cases()) cases.push_back(std::move(c));
  for (const Model& model : {small_lenet(), short_resnet(), branches(), excited()})
    for (const PlanCase& c : cases) {
      CAPTURE(model.name, c.label);
      Schedule schedule;
      try {
        schedule = blocked_schedule(model, c.plan);
      } catch (const InputError&) {
        continue;  // the tests of the oracle hold which
      }
      for (const Problem& problem : validate(schedule)) FAIL(problem.sentence);
      REQUIRE(parse_schedule(to_text(schedule)) == schedule);
      ++(blocked_buffers(schedule) > 0 ? blocked : plain);
    }
  REQUIRE(blocked > 30);
  REQUIRE(plain > 10);  // layers divided by filters, channels or rows stay plain
}

TEST_CASE("plans that are not blocked, or not f32, have no blocked buffer") {
  Plan plan = make_plan("data", {.ranks = 1, .global_batch = 4});
  for (const ActivationLayout layout : {ActivationLayout::automatic, ActivationLayout::nchw}) {
    plan.layout = layout;
    REQUIRE(blocked_buffers(make_schedule(make_resnet20(), plan)) == 0);
  }
  plan.layout = ActivationLayout::blocked;
  plan.dtype = DType::f64;
  REQUIRE(blocked_buffers(make_schedule(make_resnet20(), plan)) == 0);
}

TEST_CASE("validate refuses blocked buffers that travel, are used in part or mixed with others") {
  const Schedule good = blocked_schedule(short_resnet(), make_plan("data", {.ranks = 2, .global_batch = 4}));
  REQUIRE(validate(good).empty());
  const auto complaints = [](const Schedule& schedule) {
    std::string all;
    for (const Problem& problem : validate(schedule)) all += problem.sentence + "\n";
    return all;
  };
  const auto first = [](Schedule& schedule, auto&& is) -> Op& {
    for (Op& op : schedule.programs[0].ops)
      if (is(op)) return op;
    throw std::logic_error("no such op");
  };
  int y = 0;
  while (good.programs[0].buffers.at(static_cast<std::size_t>(y)).layout == BufferLayout::nchw) ++y;

  Schedule travels = good;
  auto& collective = std::get<Collective>(first(travels, [](const Op& op) { return std::holds_alternative<Collective>(op.action); }).action);
  collective.region.buffer = y;
  collective.region.slice.count = 16;
  REQUIRE(complaints(travels).find("which is blocked") != std::string::npos);

  Schedule part = good;
  const auto uses_y = [&](const Op& op) {
    const auto* compute = std::get_if<Compute>(&op.action);
    return compute != nullptr && compute->kind == ComputeKind::forward &&
           std::ranges::any_of(compute->operands, [&](const Operand& operand) {
             return operand.role == Role::y && operand.region.buffer == y;
           });
  };
  auto& forward = std::get<Compute>(first(part, uses_y).action);
  for (Operand& operand : forward.operands)
    if (operand.region.buffer == y) operand.region.slice.count -= 16;
  REQUIRE(complaints(part).find("uses a part of") != std::string::npos);

  Schedule mixed = good;
  std::get<Compute>(first(mixed, uses_y).action).kind = ComputeKind::sum;
  REQUIRE(complaints(mixed).find("together with others") != std::string::npos);
}
