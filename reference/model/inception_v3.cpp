// Modules and branches have the names and the order of torchvision's, which are those of the TensorFlow model of the authors.
#include "reference/core/error.h"
#include "reference/model/builder.h"
#include "reference/model/zoo.h"

namespace convoy {
namespace {

/// Windows that keep rows and columns: 1 x n and n x 1.
Window wide(int n) { return {.kernel_h = 1, .kernel_w = n, .padding_w = n / 2}; }
Window high(int n) { return {.kernel_h = n, .kernel_w = 1, .padding_h = n / 2}; }
Window same(int n) { return square_window(n, 1, n / 2); }

/// One convolution of a branch.
struct Step {
  std::string name;
  int filters;
  Window window;
};

class Module {
 public:
  Module(ModelBuilder& net, std::string name) : net_(net), name_(std::move(name)), x_(net.last()) {}

  int branch(int input, const std::vector<Step>& steps) {
    for (const Step& step : steps) input = add_basic_conv(net_, cat(name_, ".", step.name), input, step.filters, step.window);
    return input;
  }
  int branch(const std::vector<Step>& steps) { return branch(x_, steps); }
  int average(int filters) {
    const int y = net_.add(name_ + ".average", AvgPool2d{same(3)}, {x_});
    return branch(y, {{"branch_pool", filters, square_window(1)}});
  }
  int maximum() { return net_.add(name_ + ".maxpool", MaxPool2d{square_window(3, 2)}, {x_}); }
  /// The branches side by side, in this order.
  int concat(const std::vector<int>& branches, const std::string& what = "concat") {
    return net_.add(cat(name_, ".", what), Concat{}, branches);
  }

 private:
  ModelBuilder& net_;
  std::string name_;
  int x_;  ///< what the module reads
};

const Window kOne = square_window(1);
const Window kHalf = square_window(3, 2);  ///< halves rows and columns

void add_a(ModelBuilder& net, const std::string& name, int pooled) {
  Module m(net, name);
  const int ones = m.branch({{"branch1x1", 64, kOne}});
  const int fives = m.branch({{"branch5x5_1", 48, kOne}, {"branch5x5_2", 64, same(5)}});
  const int threes = m.branch({{"branch3x3dbl_1", 64, kOne}, {"branch3x3dbl_2", 96, same(3)}, {"branch3x3dbl_3", 96, same(3)}});
  const int pool = m.average(pooled);
  m.concat({ones, fives, threes, pool});
}

void add_b(ModelBuilder& net, const std::string& name) {
  Module m(net, name);
  const int one = m.branch({{"branch3x3", 384, kHalf}});
  const int two = m.branch({{"branch3x3dbl_1", 64, kOne}, {"branch3x3dbl_2", 96, same(3)}, {"branch3x3dbl_3", 96, kHalf}});
  const int pool = m.maximum();
  m.concat({one, two, pool});
}

void add_c(ModelBuilder& net, const std::string& name, int channels) {
  Module m(net, name);
  const int ones = m.branch({{"branch1x1", 192, kOne}});
  const int single =
      m.branch({{"branch7x7_1", channels, kOne}, {"branch7x7_2", channels, wide(7)}, {"branch7x7_3", 192, high(7)}});
  const int twice = m.branch({{"branch7x7dbl_1", channels, kOne},
                              {"branch7x7dbl_2", channels, high(7)},
                              {"branch7x7dbl_3", channels, wide(7)},
                              {"branch7x7dbl_4", channels, high(7)},
                              {"branch7x7dbl_5", 192, wide(7)}});
  const int pool = m.average(192);
  m.concat({ones, single, twice, pool});
}

void add_d(ModelBuilder& net, const std::string& name) {
  Module m(net, name);
  const int threes = m.branch({{"branch3x3_1", 192, kOne}, {"branch3x3_2", 320, kHalf}});
  const int sevens = m.branch({{"branch7x7x3_1", 192, kOne},
                               {"branch7x7x3_2", 192, wide(7)},
                               {"branch7x7x3_3", 192, high(7)},
                               {"branch7x7x3_4", 192, kHalf}});
  const int pool = m.maximum();
  m.concat({threes, sevens, pool});
}

void add_e(ModelBuilder& net, const std::string& name) {
  Module m(net, name);
  const int ones = m.branch({{"branch1x1", 320, kOne}});
  int y = m.branch({{"branch3x3_1", 384, kOne}});
  int left = m.branch(y, {{"branch3x3_2a", 384, wide(3)}});
  int right = m.branch(y, {{"branch3x3_2b", 384, high(3)}});
  const int single = m.concat({left, right}, "branch3x3");
  y = m.branch({{"branch3x3dbl_1", 448, kOne}, {"branch3x3dbl_2", 384, same(3)}});
  left = m.branch(y, {{"branch3x3dbl_3a", 384, wide(3)}});
  right = m.branch(y, {{"branch3x3dbl_3b", 384, high(3)}});
  const int twice = m.concat({left, right}, "branch3x3dbl");
  const int pool = m.average(192);
  m.concat({ones, single, twice, pool});
}

void add_head(ModelBuilder& net, int input) {
  net.add("AuxLogits.average", AvgPool2d{square_window(5, 3)}, {input});  // 768 x 5 x 5
  add_basic_conv(net, "AuxLogits.conv0", net.last(), 128, square_window(1));
  add_basic_conv(net, "AuxLogits.conv1", net.last(), 768, square_window(5));
  net.add("AuxLogits.avgpool", GlobalAvgPool2d{});
  net.add("AuxLogits.fc", Linear{net.classes()});
  net.add("AuxLogits.loss", SoftmaxCrossEntropy{.weight = 0.4});
}

Model make(std::string name, const ModelOptions& options, bool head) {
  ModelBuilder net(std::move(name), options, {1, 3, 299, 299}, 1000);
  add_basic_conv(net, "Conv2d_1a_3x3", kImages, 32, kHalf);                // 32 x 149 x 149
  add_basic_conv(net, "Conv2d_2a_3x3", net.last(), 32, square_window(3));  // 32 x 147 x 147
  add_basic_conv(net, "Conv2d_2b_3x3", net.last(), 64, same(3));
  net.add("maxpool1", MaxPool2d{kHalf});  // 64 x 73 x 73
  add_basic_conv(net, "Conv2d_3b_1x1", net.last(), 80, kOne);
  add_basic_conv(net, "Conv2d_4a_3x3", net.last(), 192, square_window(3));  // 192 x 71 x 71
  net.add("maxpool2", MaxPool2d{kHalf});                                    // 192 x 35 x 35
  add_a(net, "Mixed_5b", 32);
  add_a(net, "Mixed_5c", 64);
  add_a(net, "Mixed_5d", 64);
  add_b(net, "Mixed_6a");  // 768 x 17 x 17
  add_c(net, "Mixed_6b", 128);
  add_c(net, "Mixed_6c", 160);
  add_c(net, "Mixed_6d", 160);
  add_c(net, "Mixed_6e", 192);
  const int trunk = net.last();
  add_d(net, "Mixed_7a");  // 1,280 x 8 x 8
  add_e(net, "Mixed_7b");
  add_e(net, "Mixed_7c");  // 2,048 x 8 x 8
  const int y = net.last();
  if (head) add_head(net, trunk);
  net.add("avgpool", GlobalAvgPool2d{}, {y});
  net.add("dropout", Dropout{0.5});
  net.add("fc", Linear{net.classes()});
  return net.finish();
}

}  // namespace

Model make_inception_v3(const ModelOptions& options) { return make("inception_v3", options, false); }
Model make_inception_v3_aux(const ModelOptions& options) { return make("inception_v3_aux", options, true); }

}  // namespace convoy
