"""The same layers and networks in PyTorch and torchvision: do both compute the same from the same values?

    parity.py layers|networks|steps|onnx <parity_run> [name...]

Ends with 77 and the reason where PyTorch or torchvision is missing; CTest then counts a skipped test.

Tolerances. What can be is compared in float64: our naive kernels against PyTorch in double, on small images, where nothing but rounding
of the files to float32 (6e-8) and of sums is left, so that EXACT is 1e-6 and a wrong stride, padding, order or weight of a head
stands out by five orders of magnitude. Where our float32 is compared, it is with PyTorch's float64, and the measure is PyTorch's
float32: ours may be ALLOWED times as far from float64 as that is, or FLOOR when that is more.
"""
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import warnings

SKIP = 77
EXACT = 1e-6
ALLOWED = 8.0
FLOOR = 1e-4  # what Winograd's convolutions may be off by, each
HEADS = 1e-3  # of the gradients of the last layers of a network that trains in float32, by the norm
MEAN, DEVIATION = 0.45, 0.225
RATE = 0.01  # of learning
WIDE, NARROW = 4096, 96  # as in tests/parity/parity.h


def import_torch():
    """PyTorch and torchvision from this Python, else from Debian's, else the end of this test with the reason."""
    try:
        import numpy
        import torch
        import torchvision
        return numpy, torch, torchvision
    except ImportError as error:
        debian = "/usr/bin/python3"
        if os.path.exists(debian) and os.path.realpath(sys.executable) != os.path.realpath(debian):
            os.execv(debian, [debian, *sys.argv])
        print(f"skipped: {error}; the packages are python3-torch and python3-torchvision")
        sys.exit(SKIP)


numpy, torch, torchvision = import_torch()
functional = torch.nn.functional


# ---- files

def read_tensors(path):
    """Tensors and metadata of a safetensors file of float32."""
    with open(path, "rb") as file:
        length = struct.unpack("<Q", file.read(8))[0]
        header = json.loads(file.read(length))
        data = file.read()
    texts = {key: json.loads(value) for key, value in header.pop("__metadata__", {}).items()}
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        values = numpy.frombuffer(data[begin:end], dtype="<f4").reshape(entry["shape"])
        tensors[name] = torch.from_numpy(values.copy())
    return tensors, texts


def write_tensors(path, tensors):
    header, parts, at = {}, [], 0
    for name, tensor in tensors.items():
        values = tensor.detach().numpy().astype("<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [at, at + len(values)]}
        parts.append(values)
        at += len(values)
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(parts))


# ---- comparing

class Comparison:
    """Collects what differs by more than it may, and the largest difference of each kind."""

    def __init__(self):
        self.failures = []
        self.compared = 0

    def check(self, what, got, expected, allowed, norm=float("inf"), least=1e-30):
        """`got` against `expected`, of float64: the norm of the difference over the norm, or over `least` when that is more. NaN fails."""
        if got.numel() != expected.numel():
            self.failures.append(f"{what}: {got.numel()} values, expected {expected.numel()}")
            return float("nan")
        self.compared += 1
        difference = difference_of(got, expected, norm, least)
        if not difference <= allowed:
            self.failures.append(f"{what}: differs by {difference:.2e}, {allowed:.2e} is allowed")
        return difference

    def finish(self, name):
        for failure in self.failures:
            print("FAILED", failure)
        print(f"{name}: {self.compared} tensors compared, {len(self.failures)} differ")
        if self.compared == 0:
            print("FAILED nothing was compared")
        return 1 if self.failures or self.compared == 0 else 0


def difference_of(got, expected, norm=float("inf"), least=1e-30):
    """Of the difference over that of what is expected; infinity: the largest."""
    got, expected = got.double().reshape(-1), expected.double().reshape(-1)
    if expected.numel() == 0:
        return 0.0
    return float(torch.linalg.vector_norm(got - expected, norm) / torch.linalg.vector_norm(expected, norm).clamp_min(least))


# ---- layers

def padded(x, window, value):
    """x with the rows and columns of padding around it; negative ones are cut off."""
    return functional.pad(x, (window["sides"], window["sides"], window["above"], window["below"]), value=value)


def pool(layer, x, window, **options):
    """A pooling of PyTorch's. Parts of images have other padding below than above, for which it has no parameter."""
    size, stride = window["kernel"], window["stride"]
    if window["above"] == window["below"] >= 0 and 2 * window["above"] <= size[0] and 2 * window["sides"] <= size[1]:
        return layer(x, size, stride, (window["above"], window["sides"]), ceil_mode=window["ceil"], **options)
    assert not window["ceil"]
    average = layer is functional.avg_pool2d
    return layer(padded(x, window, 0.0 if average else float("-inf")), size, stride)


def cross_entropy(x, labels, settings):
    return settings["weight"] * functional.cross_entropy(x.flatten(1), labels, reduction="sum", label_smoothing=settings["smoothing"])


ACTIVATIONS = {"ReLU6": functional.relu6, "Sigmoid": torch.sigmoid, "Tanh": torch.tanh, "HardSigmoid": functional.hardsigmoid,
               "HardSwish": functional.hardswish, "SiLU": functional.silu}


def forward(kind, settings, xs, w, b):
    """What PyTorch makes of a row of the table of layers."""
    x = xs[0]
    if kind == "Conv2d":
        window = settings["window"]
        return functional.conv2d(padded(x, window, 0.0), w, None if b is None else b.flatten(), window["stride"], 0,
                                 window["dilation"], settings["groups"])
    if kind == "Linear":
        return functional.linear(x.flatten(1), w.flatten(1), None if b is None else b.flatten())
    if kind == "MaxPool2d":
        return pool(functional.max_pool2d, x, settings["window"])
    if kind == "AvgPool2d":
        return pool(functional.avg_pool2d, x, settings["window"], count_include_pad=settings["count_include_pad"])
    if kind == "AdaptiveAvgPool2d":
        return functional.adaptive_avg_pool2d(x, settings["output"])
    if kind == "GlobalAvgPool2d":
        return functional.adaptive_avg_pool2d(x, (1, 1))
    if kind == "ReLU":
        return functional.relu(x)
    if kind in ACTIVATIONS:
        return ACTIVATIONS[kind](x)
    if kind == "Scale":
        return x * xs[1]
    if kind == "ChannelSelect":
        part = x[:, settings["first"]:settings["first"] + settings["count"]]
        grouped = part.reshape(len(x), settings["groups"], -1, *x.shape[2:])
        return grouped.transpose(1, 2).reshape(part.shape)
    if kind == "BatchNorm2d":
        return functional.batch_norm(x, None, None, w.flatten(), b.flatten(), True, settings["momentum"], settings["epsilon"])
    if kind == "LocalResponseNorm":
        return functional.local_response_norm(x, settings["size"], settings["alpha"], settings["beta"], settings["k"])
    if kind == "Add":
        return sum(xs[1:], xs[0])
    if kind == "Concat":
        return torch.cat(xs, 1)
    raise AssertionError(f"no layer {kind} here")


def one_row(comparison, key, tensors, row):
    """Forward and backward of a row in float64. All that is of float32 in it is the rounding of our kernels: 1e-5 of the largest."""
    kind, settings = row["kind"], row["settings"]
    what = f"{row['row']} ({kind}, {list(tensors[key + '.x'].shape)})"
    tolerance = 1e-5

    def leaf(name):
        tensor = tensors.get(f"{key}.{name}")
        return None if tensor is None else tensor.double().requires_grad_()

    xs = [leaf("x")]
    while f"{key}.x{len(xs)}" in tensors:
        xs.append(leaf(f"x{len(xs)}"))
    w, b = leaf("w"), leaf("b")
    if kind == "SoftmaxCrossEntropy":
        labels = torch.tensor(row["labels"])
        loss = cross_entropy(xs[0], labels, settings)
        (loss / len(row["labels"])).backward()
        comparison.check(what + " loss", torch.tensor(row["loss"]), loss.detach(), tolerance)
        comparison.check(what + " y", tensors[key + ".y"], functional.softmax(xs[0].detach().flatten(1), 1), tolerance)
    elif kind == "Dropout":  # draws numbers of its own; what is left can be compared with what was dropped
        kept = tensors[key + ".y"] != 0
        scale = 1 / (1 - settings["probability"])
        comparison.check(what + " y", tensors[key + ".y"], xs[0].detach() * kept * scale, tolerance)
        comparison.check(what + " dx", tensors[key + ".dx"], tensors[key + ".dy"].double() * kept * scale, tolerance)
        return
    else:
        y = forward(kind, settings, xs, w, b)
        comparison.check(what + " y", tensors[key + ".y"], y.detach(), tolerance)
        y.backward(tensors[key + ".dy"].double().reshape(y.shape))
    for i, x in enumerate(xs):
        comparison.check(f"{what} dx{i}", tensors[f"{key}.dx{i or ''}"], x.grad, tolerance)
    for name, leaf_tensor in (("w", w), ("b", b)):
        if leaf_tensor is not None:  # ours are added to what was there
            added = tensors[f"{key}.d{name}"].double() - tensors[f"{key}.d{name}_before"].double()
            comparison.check(f"{what} d{name}", added, leaf_tensor.grad, 2 * tolerance)


def layers(runner, _):
    comparison = Comparison()
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "layers.safetensors")
        subprocess.run([runner, "layers", path], check=True)
        tensors, rows = read_tensors(path)
    for key, row in sorted(rows.items(), key=lambda item: int(item[0])):
        one_row(comparison, key, tensors, row)
    kinds = {row["kind"] for row in rows.values()}
    print(f"{len(rows)} rows of {len(kinds)} kinds of layers")
    return comparison.finish("layers")


# ---- networks

def quiet(network):
    """Drops neither values nor blocks, and narrows the hidden linear layers of AlexNet and VGG as parity_run does."""
    for module in network.modules():
        if isinstance(module, (torch.nn.Dropout, torchvision.ops.StochasticDepth)):
            module.p = 0.0
    classifier = getattr(network, "classifier", None)
    for i, module in enumerate(classifier if isinstance(classifier, torch.nn.Sequential) else []):
        if isinstance(module, torch.nn.Linear) and WIDE in (module.in_features, module.out_features):
            inputs, outputs = (NARROW if n == WIDE else n for n in (module.in_features, module.out_features))
            classifier[i] = torch.nn.Linear(inputs, outputs)
    return network


def random_statistics(network):
    """Weights and running statistics as training might leave them, so that evaluation has something to do."""
    generator = torch.Generator().manual_seed(7)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.copy_(0.1 * torch.randn(module.num_features, generator=generator))
            module.running_var.copy_(0.8 + 0.4 * torch.rand(module.num_features, generator=generator))
            with torch.no_grad():
                module.weight.copy_(0.8 + 0.4 * torch.rand(module.num_features, generator=generator))
                module.bias.copy_(0.1 * torch.randn(module.num_features, generator=generator))
    return network


def vgg_names(network):
    """Convoy numbers VGG's layers by block: conv1_1, ..., fc6, fc7, fc8."""
    names, block, number = {}, 1, 1
    for i, module in enumerate(network.features):
        if isinstance(module, torch.nn.Conv2d):
            names[f"features.{i}"] = f"conv{block}_{number}"
            number += 1
        elif isinstance(module, torch.nn.MaxPool2d):
            block, number = block + 1, 1
    linears = [i for i, module in enumerate(network.classifier) if isinstance(module, torch.nn.Linear)]
    names.update({f"classifier.{i}": f"fc{6 + n}" for n, i in enumerate(linears)})
    return names


class Network:
    """A network of torchvision's, what Convoy calls it, and the images on which both run. `fast`: training with the fast kernels in
    float32, where the images are too large for the naive ones; then only gradients of layers whose names begin so are compared, since
    rounding moves ReLUs across 0, and the farther from the loss, the more of them differ."""

    def __init__(self, name, make, image=(3, 33, 33), batch=1, heads=(), fast=()):
        self.name, self.make, self.image, self.batch, self.heads, self.fast = name, make, image, batch, heads, fast

    def build(self):
        torch.manual_seed(3)
        return random_statistics(quiet(self.make()))

    def our_word(self):
        return f"{self.name}@{'x'.join(map(str, self.image))}"

    def our_name(self, network, name):
        layer, _, rest = name.rpartition(".")
        return (vgg_names(network)[layer] if self.name.startswith("vgg") else layer) + "." + rest

    def outputs(self, network, x):
        """The logits by the name of their loss and its weight; the last one is the network's answer."""
        result = network(x)
        if not self.heads or not network.training:
            return [("loss", 1.0, result)]
        # GoogLeNet.forward() unpacks (x, aux2, aux1) as (x, aux1, aux2): what it returns as aux_logits2 is of the head aux1.
        by_name = {"aux1.loss": "aux_logits2", "aux2.loss": "aux_logits1", "AuxLogits.loss": "aux_logits"}
        return [(head, weight, getattr(result, by_name[head])) for head, weight in self.heads] + [("loss", 1.0, result.logits)]


def models():
    """On 33 x 33 pixels the layers of a ResNet see 17, 9, 5, 3 and 2 rows: strides, padding, order and weights all have their say.
    Networks of many small layers get two images."""
    small, middle = (3, 32, 32), (3, 64, 64)
    vision = torchvision.models
    plain = {"weights": None}
    inception = {"weights": None, "init_weights": False}

    def named(name, theirs=None, **options):
        return Network(name, lambda: getattr(vision, theirs or name)(**plain), **options)

    table = [named("alexnet", image=(3, 160, 160)), named("vgg11", image=small), named("vgg16", image=small), named("vgg19", image=small)]
    table += [named(name) for name in ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152")]
    table += [named("resnext50", "resnext50_32x4d"), named("densenet121", image=middle), named("squeezenet1_1", image=middle)]
    table += [named("shufflenet_v2", "shufflenet_v2_x1_0", batch=2)]
    table += [named(name, batch=2) for name in ("mobilenet_v2", "mobilenet_v3_large", "mobilenet_v3_small", "efficientnet_b0")]
    table.append(Network("googlenet", lambda: vision.googlenet(aux_logits=False, **inception), middle))
    table.append(Network("googlenet_aux", lambda: vision.googlenet(aux_logits=True, **inception), middle,
                         heads=(("aux1.loss", 0.3), ("aux2.loss", 0.3))))
    table.append(Network("inception_v3", lambda: vision.inception_v3(aux_logits=False, **inception), (3, 107, 107)))
    # The head needs 17 x 17 pixels and ends in one, and BatchNorm2d needs two values of a channel: two whole images.
    table.append(Network("inception_v3_aux", lambda: vision.inception_v3(aux_logits=True, **inception), (3, 299, 299), 2,
                         heads=(("AuxLogits.loss", 0.4),), fast=("AuxLogits", "fc")))
    return table


def make_inputs(folder, image, images, classes):
    """Random images, smooth as pictures are, and labels; written where parity_run looks for them, and returned."""
    generator = numpy.random.default_rng(5)
    rough = torch.from_numpy(generator.uniform(0, 255, (images, image[0], max(2, image[1] // 8), max(2, image[2] // 8))))
    smooth = functional.interpolate(rough, image[1:], mode="bilinear", align_corners=False)
    noise = torch.from_numpy(generator.uniform(-20, 20, smooth.shape))
    pixels = (smooth + noise).clamp(0, 255).round().to(torch.uint8)
    labels = torch.from_numpy(generator.integers(0, min(classes, 200), images))
    with open(os.path.join(folder, "images"), "wb") as file:
        file.write(pixels.numpy().tobytes())
    with open(os.path.join(folder, "labels"), "wb") as file:
        file.write(labels.to(torch.uint8).numpy().tobytes())
    return (pixels.double() / 255 - MEAN) / DEVIATION, labels


def step(network, torch_network, images, labels):
    """Loss, logits by head and gradients of one step in the type of the images: of images and weights, or of the heads' weights."""
    x = images.clone().requires_grad_(not network.fast)
    heads = network.outputs(torch_network, x)
    loss = sum(weight * functional.cross_entropy(logits, labels) for _, weight, logits in heads)
    tensors = {} if network.fast else {"dx": x}
    tensors.update({"d." + network.our_name(torch_network, name): p for name, p in torch_network.named_parameters()
                    if not network.fast or name.startswith(network.fast)})
    results = dict(zip(tensors, torch.autograd.grad(loss, list(tensors.values()))))
    results.update({f"{head}.logits": logits.detach() for head, _, logits in heads})
    results["loss"] = loss.detach()
    return results


def write_weights(network, torch_network, folder):
    state = {network.our_name(torch_network, name): tensor for name, tensor in torch_network.state_dict().items()
             if not name.endswith("num_batches_tracked")}
    write_tensors(os.path.join(folder, "weights.safetensors"), state)


def one_network(comparison, runner, network):
    torch_network = network.build()
    with tempfile.TemporaryDirectory() as folder:
        write_weights(network, torch_network, folder)
        images, labels = make_inputs(folder, network.image, network.batch, 1000)
        way = "fast" if network.fast else "naive"
        subprocess.run([runner, "network", way, network.our_word(), folder, str(network.batch)], check=True)
        ours, _ = read_tensors(os.path.join(folder, "train.safetensors"))
        evaluated, _ = read_tensors(os.path.join(folder, "evaluate.safetensors"))
    torch_network.eval()
    with torch.no_grad():
        single = torch_network(images.float())
        double = torch_network.double()(images)
    theirs = difference_of(single, double)
    answers = comparison.check(f"{network.name} answers in float32", evaluated["loss.logits"], double, max(ALLOWED * theirs, FLOOR))
    torch_network.train()
    expected = step(network, torch_network, images, labels)
    if set(expected) - set(ours) or (set(ours) != set(expected) and not network.fast):
        comparison.failures.append(f"{network.name}: other tensors than torchvision's: {sorted(set(ours) ^ set(expected))[:6]}")
    worst = {"logits": 0.0, "dx": 0.0, "dw": 0.0}
    # Some gradients are 0 but for rounding: what is added to all pixels of a channel, the next BatchNorm2d takes away again.
    nothing = 1e-7 * max(float(value.abs().max()) for name, value in expected.items() if name.startswith("d."))
    for name in sorted(set(ours) & set(expected)):
        group = "dw" if name.startswith("d.") else "dx" if name == "dx" else "logits"
        by_norm = network.fast and group != "logits"
        allowed = EXACT if not network.fast else HEADS if by_norm else FLOOR
        found = comparison.check(f"{network.name} {name}", ours[name], expected[name], allowed, 2 if by_norm else float("inf"), nothing)
        worst[group] = max(worst[group], found)
    print(f"{network.name:18} {len(expected):4} tensors in {'float32' if network.fast else 'float64'}: "
          + ", ".join(f"{group} {value:.0e}" for group, value in worst.items())
          + f"; answers in float32 {answers:.0e} (PyTorch's {theirs:.0e})", flush=True)


def networks(runner, names):
    comparison = Comparison()
    for network in models():
        if not names or network.name in names:
            one_network(comparison, runner, network)
    return comparison.finish("networks")


# ---- steps of training

class LeNet5(torch.nn.Module):
    """LeNet-5 as Convoy has it, with its names."""

    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = torch.nn.Conv2d(1, 6, 5, padding=2), torch.nn.Conv2d(6, 16, 5)
        self.fc1, self.fc2, self.fc3 = torch.nn.Linear(400, 120), torch.nn.Linear(120, 84), torch.nn.Linear(84, 10)

    def forward(self, x):
        x = functional.max_pool2d(functional.relu(self.conv1(x)), 2)
        x = functional.max_pool2d(functional.relu(self.conv2(x)), 2).flatten(1)
        return self.fc3(functional.relu(self.fc2(functional.relu(self.fc1(x)))))


class Block(torch.nn.Module):
    """A residual block of ResNet-20, with Convoy's names."""

    def __init__(self, before, channels, halves):
        super().__init__()
        stride = 2 if halves else 1
        self.conv1, self.bn1 = torch.nn.Conv2d(before, channels, 3, stride, 1, bias=False), torch.nn.BatchNorm2d(channels)
        self.conv2, self.bn2 = torch.nn.Conv2d(channels, channels, 3, 1, 1, bias=False), torch.nn.BatchNorm2d(channels)
        self.halves = halves
        if halves:
            self.conv_shortcut = torch.nn.Conv2d(before, channels, 1, stride, bias=False)
            self.bn_shortcut = torch.nn.BatchNorm2d(channels)

    def forward(self, x):
        y = self.bn2(self.conv2(functional.relu(self.bn1(self.conv1(x)))))
        return functional.relu(y + (self.bn_shortcut(self.conv_shortcut(x)) if self.halves else x))


class ResNet20(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = torch.nn.Module()
        self.stem.conv, self.stem.bn = torch.nn.Conv2d(3, 16, 3, 1, 1, bias=False), torch.nn.BatchNorm2d(16)
        self.blocks, channels = [], 16
        for stage in (1, 2, 3):
            for number in range(3):
                block = Block(channels, 8 << stage, stage > 1 and number == 0)
                channels = 8 << stage
                self.add_module(f"block{stage}_{number}", block)
                self.blocks.append(block)
        self.fc = torch.nn.Linear(64, 10)

    def forward(self, x):
        x = functional.relu(self.stem.bn(self.stem.conv(x)))
        for block in self.blocks:
            x = block(x)
        return self.fc(x.mean((2, 3)))


def train(make, state, images, labels, batch, count):
    """Losses and weights of `count` steps, and the gradients of the first, in the type of the images."""
    network = make().to(images.dtype)
    network.load_state_dict(state)
    network.train()
    optimiser = torch.optim.SGD(network.parameters(), lr=RATE, momentum=0.9, weight_decay=1e-4)
    results, losses = {}, []
    for i in range(count):
        optimiser.zero_grad()
        loss = functional.cross_entropy(network(images[i * batch:(i + 1) * batch]), labels[i * batch:(i + 1) * batch])
        loss.backward()
        if i == 0:
            results.update({"d." + name: p.grad.clone() for name, p in network.named_parameters()})
        losses.append(loss.detach())
        optimiser.step()
    results["losses"] = torch.stack(losses)
    results.update({"w." + name: p.detach() for name, p in network.named_parameters()})
    return results


def steps(runner, _):
    """In float64, and with the fast kernels in float32. Steps of training multiply differences: PyTorch's own float32 is off by 2 % in
    the loss of ResNet-20 after ten of them, from 1e-7 in the first. In float64 what is left is the rounding of the file, 6e-8, and of
    sums in another order; in float32 the bounds are ALLOWED times PyTorch's own difference, or what MOST says."""
    most = {"losses": 1e-4, "d.": 1e-3, "w.": 1e-3}
    comparison = Comparison()
    count = 10
    for name, make, image, batch in (("lenet5", LeNet5, (1, 28, 28), 16), ("resnet20", ResNet20, (3, 32, 32), 4)):
        torch.manual_seed(3)
        state = make().state_dict()
        ours = {}
        with tempfile.TemporaryDirectory() as folder:
            write_tensors(os.path.join(folder, "weights.safetensors"),
                          {key: tensor for key, tensor in state.items() if not key.endswith("num_batches_tracked")})
            images, labels = make_inputs(folder, image, count * batch, 10)
            for way in ("naive", "fast"):
                subprocess.run([runner, "steps", way, name, folder, str(batch), str(count), str(RATE)], check=True)
                ours[way], _ = read_tensors(os.path.join(folder, "steps.safetensors"))
        expected = train(make, state, images, labels, batch, count)
        single = train(make, state, images.float(), labels, batch, count)
        worst = {"naive": dict.fromkeys(most, 0.0), "fast": dict.fromkeys(most, 0.0)}
        for way, tensors in ours.items():
            if set(tensors) != set(expected):
                comparison.failures.append(f"{name}: other tensors than PyTorch's: {sorted(set(tensors) ^ set(expected))[:6]}")
            for key in sorted(set(tensors) & set(expected)):
                norm = float("inf") if way == "naive" or key == "losses" else 2
                theirs = difference_of(single[key], expected[key], norm)
                group = next(prefix for prefix in most if key.startswith(prefix))
                allowed = EXACT if way == "naive" else max(most[group], ALLOWED * theirs)
                found = comparison.check(f"{name} {key} ({way} kernels)", tensors[key], expected[key], allowed, norm)
                worst[way][group] = max(worst[way][group], found)
        for label, losses in (("ours, float64", ours["naive"]), ("PyTorch, float64", expected), ("ours, float32", ours["fast"]),
                              ("PyTorch, float32", single)):
            print(f"{name}: losses of {label:16} {' '.join(f'{float(v):.6f}' for v in losses['losses'])}")
        for way, found in worst.items():
            print(f"{name}: {way} kernels: losses {found['losses']:.0e}, gradients of the first step {found['d.']:.0e}, "
                  f"weights after the last {found['w.']:.0e}", flush=True)
    return comparison.finish("steps")


# ---- networks exported by torchvision

def export(network, path, image, keep_norms):
    """torch.onnx.export as people call it; with keep_norms without folding BatchNorm2d into convolutions."""
    mode = torch.onnx.TrainingMode.PRESERVE if keep_norms else torch.onnx.TrainingMode.EVAL
    torch.onnx.export(network, torch.zeros(1, *image), path, training=mode)


EXPORTED = ("squeezenet1_1", "resnet18", "densenet121", "googlenet", "mobilenet_v2", "mobilenet_v3_small", "mobilenet_v3_large",
            "efficientnet_b0", "shufflenet_v2_x1_0", "mnasnet1_0", "regnet_x_400mf", "regnet_y_400mf", "resnext50_32x4d")


def onnx(runner, names):
    """Files that torchvision's networks are exported to, read by Convoy: their answers in float64 are PyTorch's. ConvNeXt, which has layers
    that Convoy has not, is refused with node and operator."""
    warnings.filterwarnings("ignore")
    comparison = Comparison()
    image, batch = (3, 64, 64), 2
    with tempfile.TemporaryDirectory() as folder:
        images, _ = make_inputs(folder, image, batch, 1000)
        for i, name in enumerate(names or EXPORTED):
            options = {"init_weights": False, "aux_logits": False} if name == "googlenet" else {}
            torch.manual_seed(3)
            network = random_statistics(getattr(torchvision.models, name)(weights=None, **options)).eval()
            path = os.path.join(folder, name + ".onnx")
            export(network, path, image, keep_norms=i % 2 == 0)
            subprocess.run([runner, "onnx", path, folder, str(batch)], check=True)
            evaluated, _ = read_tensors(os.path.join(folder, "evaluate.safetensors"))
            os.remove(path)
            with torch.no_grad():
                expected = network.double()(images)
            # Folding BatchNorm2d into a convolution rounds its weights to float32 again.
            found = comparison.check(f"{name} from its file", evaluated["loss.logits"], expected, EXACT if i % 2 == 0 else 1e-5)
            print(f"{name:18} answers from the ONNX file differ by {found:.0e}", flush=True)
        path = os.path.join(folder, "convnext.onnx")
        export(torchvision.models.convnext_tiny(weights=None).eval(), path, image, keep_norms=False)
        refused = subprocess.run([runner, "onnx", path, folder, str(batch)], capture_output=True, text=True)
        print("convnext_tiny:", refused.stderr.strip()[:120])
        if refused.returncode == 0 or "node '" not in refused.stderr or "Convoy" not in refused.stderr:
            comparison.failures.append(f"convnext_tiny is not refused with its node: {refused.stderr}")
    return comparison.finish("onnx")


def main():
    if len(sys.argv) < 3 or sys.argv[1] not in ("layers", "networks", "steps", "onnx") or shutil.which(sys.argv[2]) is None:
        print(__doc__)
        return 2
    part = {"layers": layers, "networks": networks, "steps": steps, "onnx": onnx}[sys.argv[1]]
    return part(sys.argv[2], sys.argv[3:])


if __name__ == "__main__":
    sys.exit(main())
