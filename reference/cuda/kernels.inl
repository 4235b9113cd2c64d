// The kernels of the layers on one side; included by kernels.h into namespace device and into namespace emulated. Names, order of
// arguments and meaning are those of reference/cpu/kernels.h, of which this is every function. All pointers are to memory of the
// device, except labels, spans of poolings and keys, which are the host's. Work is done in the order of stream(); only
// softmax_cross_entropy_forward waits for its result.

void conv2d_forward(View<const float> x, View<const float> w, View<const float> b, View<float> y, const Window& window);
void conv2d_backward_input(View<const float> dy, View<const float> w, View<float> dx, const Window& window);
void conv2d_backward_weights(View<const float> dy, View<const float> x, View<float> dw, View<float> db, const Window& window);
void add_bias(View<const float> b, View<float> y);
void bias_backward(View<const float> dy, View<float> db);
void linear_forward(View<const float> x, View<const float> w, View<const float> b, View<float> y);
void linear_backward_input(View<const float> dy, View<const float> w, View<float> dx);
void linear_backward_weights(View<const float> dy, View<const float> x, View<float> dw, View<float> db);
void max_pool2d_forward(View<const float> x, View<float> y, const Window& window);
void max_pool2d_backward_input(View<const float> dy, View<const float> x, View<float> dx, const Window& window);
void avg_pool2d_forward(View<const float> x, View<float> y, std::span<const PoolSpan> rows, std::span<const PoolSpan> columns);
void avg_pool2d_backward_input(View<const float> dy, View<float> dx, std::span<const PoolSpan> rows, std::span<const PoolSpan>
    columns);
void global_avg_pool2d_forward(View<const float> x, View<float> y, double count);
void global_avg_pool2d_backward_input(View<const float> dy, View<float> dx, double count);
void local_response_norm_forward(View<const float> x, View<float> y, const LocalResponseNorm& norm, int lead);
void local_response_norm_backward_input(View<const float> dy, View<const float> x, View<float> dx, const LocalResponseNorm&
    norm, int lead);
void batch_norm2d_statistics(View<const float> x, std::span<double> sums);
void batch_norm2d_forward(View<const float> x, View<const float> gamma, View<const float> beta, std::span<const double> sums,
    double epsilon, View<float> y);
void batch_norm2d_update_running(std::span<const double> sums, double momentum, View<float> mean, View<float> variance);
void batch_norm2d_forward_evaluate(View<const float> x, View<const float> gamma, View<const float> beta, View<const float> mean,
    View<const float> variance, double epsilon, View<float> y);
void batch_norm2d_backward_statistics(View<const float> dy, View<const float> x, std::span<const double> sums, double epsilon,
    std::span<double> gradient_sums);
void batch_norm2d_backward_weights(std::span<const double> gradient_sums, View<float> dgamma, View<float> dbeta);
void batch_norm2d_backward_input(View<const float> dy, View<const float> x, View<const float> gamma, std::span<const double>
    sums, std::span<const double> gradient_sums, double epsilon, View<float> dx);
void sum(std::span<const View<const float>> xs, View<float> y);
void copy_part(View<const float> from, View<float> to, const cpu::Part& part);
void add_part(View<const float> from, View<float> to, const cpu::Part& part);
void relu_forward(View<const float> x, View<float> y);
void relu_backward_input(View<const float> dy, View<const float> y, View<float> dx);
void activation_forward(View<const float> x, View<float> y, ActivationFunction function);
void activation_backward_input(View<const float> dy, View<const float> source, View<float> dx, ActivationFunction function);
void scale_forward(View<const float> x, View<const float> s, View<float> y);
void scale_backward_factor(View<const float> dy, View<const float> x, View<float> ds);
void channel_select_forward(View<const float> x, View<float> y, const ChannelSelect& select);
void channel_select_backward_input(View<const float> dy, View<float> dx, const ChannelSelect& select);
void dropout_forward(View<const float> x, View<float> y, double probability, const cpu::DropoutKey& key);
void dropout_backward_input(View<const float> dy, View<float> dx, double probability, const cpu::DropoutKey& key);
cpu::Loss softmax_cross_entropy_forward(View<const float> x, std::span<const int> labels, View<float> y, const SoftmaxCrossEntropy&
    loss);
void softmax_cross_entropy_backward_input(View<const float> y, std::span<const int> labels, View<float> dx, const
    SoftmaxCrossEntropy& loss, double scale);
void sgd_update(std::span<float> w, std::span<const float> dw, std::span<float> momentum, const cpu::SgdSettings& settings);
