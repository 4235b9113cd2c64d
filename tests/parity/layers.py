"""Every row of our table of layers (tests/rows/layers.h) in PyTorch."""
import os
import subprocess
import tempfile

from comparing import Comparison, functional, read_tensors, torch


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
