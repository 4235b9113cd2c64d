/// The plan `data`: buckets, classes of ranks, and the schedule of a tiny network word for word.
#include "reference/core/error.h"
#include "reference/core/random.h"
#include "reference/model/builder.h"
#include "reference/model/zoo.h"
#include "reference/plans/plan.h"
#include "reference/schedule/memory.h"
#include "reference/schedule/text.h"
#include "reference/schedule/validate.h"
#include "tests/catch.h"

using namespace convoy;

namespace {

Model tiny() {
  ModelBuilder net("tiny", {1, 1, 4, 4}, 2);
  net.add("conv", Conv2d{2, square_window(3)});
  net.add("relu", ReLU{});
  net.add("flatten", Flatten{});
  net.add("fc", Linear{2});
  return net.finish();
}

}  // namespace

TEST_CASE("buckets follow backward, end with whole layers and lose nothing") {
  for (const ZooEntry& entry : zoo()) {
    const Model model = entry.make();
    for (const std::int64_t bytes :
         {std::int64_t{1}, std::int64_t{64 * 1024}, std::int64_t{25 * 1024 * 1024}, std::int64_t{1} << 40}) {
      const std::vector<Bucket> buckets = gradient_buckets(model, bytes, DType::f32);
      std::int64_t at = 0;
      int node = static_cast<int>(model.nodes.size());
      for (std::size_t i = 0; i < buckets.size(); ++i) {
        REQUIRE(buckets[i].slice.offset == at);
        REQUIRE(buckets[i].slice.count > 0);
        REQUIRE(buckets[i].last_node < node);
        if (i + 1 < buckets.size()) REQUIRE(buckets[i].slice.count * 4 >= bytes);
        at = buckets[i].slice.end();
        node = buckets[i].last_node;
      }
      REQUIRE(at == parameter_count(model));
    }
    REQUIRE(gradient_buckets(model, 1, DType::f32).size() > 3);
    REQUIRE(gradient_buckets(model, std::int64_t{1} << 40, DType::f32).size() == 1);
  }
}

TEST_CASE("ranks with as many images share a program") {
  const Model model = make_lenet5();
  REQUIRE(make_schedule(model, make_plan("data", {.ranks = 4, .global_batch = 64})).programs.size() == 1);
  const Schedule uneven = make_schedule(model, make_plan("data", {.ranks = 3, .global_batch = 64}));
  REQUIRE(uneven.programs.size() == 2);
  std::int64_t images = 0;
  for (int r = 0; r < 3; ++r) {
    REQUIRE(uneven.samples(r).offset == images);
    REQUIRE(uneven.samples(r).count == uneven.program(r).batch);
    images += uneven.samples(r).count;
  }
  REQUIRE(images == 64);
  const Schedule few = make_schedule(model, make_plan("data", {.ranks = 5, .global_batch = 2}));
  REQUIRE(validate(few).empty());
}

TEST_CASE("the schedule of a tiny network, word for word") {
  Plan plan = make_plan("data", {.ranks = 2, .global_batch = 2});
  plan.bucket_bytes = 16;
  const std::string expected =
      "schedule model=tiny plan=data mode=train precision=fp32 batch=2 batch_axis=0\n"
      "mesh data=2\n"
      "\n"
      "class 0 batch=1 ranks=0-1\n"
      "buffer weights weights f32 1x38x1x1\n"
      "buffer images input f32 1x1x4x4\n"
      "buffer conv.y activation f32 1x2x2x2\n"
      "buffer relu.y activation f32 1x2x2x2\n"
      "buffer fc.y activation f32 1x2x1x1\n"
      "buffer loss.y activation f32 1x2x1x1\n"
      "buffer momentum optimizer f32 1x38x1x1\n"
      "buffer gradients gradients f32 1x38x1x1\n"
      "buffer fc.dy activation_gradient f32 1x2x1x1\n"
      "buffer flatten.dy activation_gradient f32 1x8x1x1\n"
      "buffer conv.dy activation_gradient f32 1x2x2x2\n"
      "op 0 load stream 0 compute load node=-1 write:y=images[0+16] flops=0 bytes_read=64 bytes_written=64\n"
      "op 1 conv.forward stream 0 compute forward node=0 read:x=images[0+16] read:weight=weights[18+18] read:bias=weights[36+2] "
      "write:y=conv.y[0+8] flops=152 bytes_read=144 bytes_written=32\n"
      "op 2 relu.forward stream 0 compute forward node=1 read:x=conv.y[0+8] write:y=relu.y[0+8] flops=8 bytes_read=32 "
      "bytes_written=32\n"
      "op 3 fc.forward stream 0 compute forward node=3 read:x=relu.y[0+8] read:weight=weights[0+16] read:bias=weights[16+2] "
      "write:y=fc.y[0+2] "
      "flops=34 bytes_read=104 bytes_written=8\n"
      "op 4 loss.forward stream 0 compute forward node=4 read:x=fc.y[0+2] write:y=loss.y[0+2] flops=10 bytes_read=12 "
      "bytes_written=8\n"
      "op 5 zero_gradients stream 0 compute zero node=-1 write:gradients=gradients[0+38] flops=0 bytes_read=0 bytes_written=152\n"
      "op 6 loss.backward_input stream 0 compute backward_input node=4 read:y=loss.y[0+2] write:dx=fc.dy[0+2] flops=4 "
      "bytes_read=12 "
      "bytes_written=8\n"
      "op 7 fc.backward_weights stream 0 compute backward_weights node=3 read:dy=fc.dy[0+2] read:x=relu.y[0+8] "
      "update:weight_gradient=gradients[0+16] update:bias_gradient=gradients[16+2] flops=34 bytes_read=112 bytes_written=72\n"
      "op 8 bucket0.all_reduce stream 1 after=7 collective all_reduce ring axis=0 id=0 root=0 chunks=1 on=gradients[0+18]\n"
      "op 9 fc.backward_input stream 0 compute backward_input node=3 read:dy=fc.dy[0+2] read:weight=weights[0+16] "
      "write:dx=flatten.dy[0+8] "
      "flops=32 bytes_read=72 bytes_written=32\n"
      "op 10 relu.backward_input stream 0 compute backward_input node=1 read:dy=flatten.dy[0+8] read:y=relu.y[0+8] "
      "write:dx=conv.dy[0+8] flops=8 "
      "bytes_read=64 bytes_written=32\n"
      "op 11 conv.backward_weights stream 0 compute backward_weights node=0 read:dy=conv.dy[0+8] read:x=images[0+16] "
      "update:weight_gradient=gradients[18+18] update:bias_gradient=gradients[36+2] flops=152 bytes_read=176 bytes_written=80\n"
      "op 12 bucket1.all_reduce stream 1 after=11 collective all_reduce ring axis=0 id=1 root=0 chunks=1 on=gradients[18+20]\n"
      "op 13 bucket0.update stream 0 after=8 compute update node=-1 update:weights=weights[0+18] read:gradients=gradients[0+18] "
      "update:momentum=momentum[0+18] flops=108 bytes_read=216 bytes_written=144\n"
      "op 14 bucket1.update stream 0 after=12 compute update node=-1 update:weights=weights[18+20] "
      "read:gradients=gradients[18+20] "
      "update:momentum=momentum[18+20] flops=120 bytes_read=240 bytes_written=160\n";
  REQUIRE(to_text(make_schedule(tiny(), plan)) == expected);
}

TEST_CASE("without overlap every reduction waits for the end of backward") {
  Plan plan = make_plan("data", {.ranks = 2, .global_batch = 8});
  plan.bucket_bytes = 64 * 1024;
  plan.overlap = false;
  const Schedule schedule = make_schedule(make_lenet5(), plan);
  const Program& program = schedule.programs[0];
  int reductions = 0;
  int last_backward = -1;
  for (std::size_t op = 0; op < program.ops.size(); ++op)
    if (program.ops[op].name.find("backward") != std::string::npos) last_backward = static_cast<int>(op);
  for (const Op& op : program.ops)
    if (std::holds_alternative<Collective>(op.action)) {
      REQUIRE(op.after == std::vector<int>{last_backward});
      ++reductions;
    }
  REQUIRE(reductions == static_cast<int>(gradient_buckets(make_lenet5(), plan.bucket_bytes, DType::f32).size()));
}

TEST_CASE("random worlds, batches and buckets give valid schedules") {
  Random random(20260);  // printed by CAPTURE when something fails
  const Model model = make_lenet5();
  for (int i = 0; i < 300; ++i) {
    Plan plan = make_plan(
        "data", {.ranks = 1 + static_cast<int>(random.below(40)), .global_batch = 1 + static_cast<int>(random.below(80))});
    plan.bucket_bytes = 1 + random.below(300'000);
    plan.overlap = random.below(2) == 0;
    plan.chunks = 1 + static_cast<int>(random.below(4));
    plan.dtype = random.below(2) == 0 ? DType::f32 : DType::f64;
    CAPTURE(i, plan.mesh.world_size(), plan.global_batch, plan.bucket_bytes, plan.overlap);
    const std::vector<Problem> problems = validate(make_schedule(model, plan, i % 5 == 0 ? Mode::evaluate : Mode::train));
    REQUIRE(problems.empty());
  }
}

TEST_CASE("a schedule for 16,384 ranks is a few hundred ops") {
  const Schedule schedule = make_schedule(make_vgg16(), make_plan("data", {.ranks = 16384, .global_batch = 32 * 16384}));
  std::size_t ops = 0;
  for (const Program& program : schedule.programs) ops += program.ops.size();
  REQUIRE(ops < 300);
}

TEST_CASE("plans that make no sense are refused") {
  const Model model = make_lenet5();
  Plan plan = make_plan("data", {.ranks = 2, .global_batch = 8});
  plan.bucket_bytes = 0;
  REQUIRE_THROWS_AS(make_schedule(model, plan), std::invalid_argument);
  plan = make_plan("data", {.ranks = 2, .global_batch = 0});
  REQUIRE_THROWS_AS(make_schedule(model, plan), std::invalid_argument);
  plan = make_plan("data", {.ranks = 2, .global_batch = 8});
  plan.all_reduce = "rign";
  REQUIRE_THROWS_AS(make_schedule(model, plan), InputError);
  REQUIRE_THROWS_AS(make_plan("dta", {}), InputError);
}
