"""What all parts of the parity tests need: PyTorch, tensors in files, images, and differences with what is allowed.

Tolerances. What can be is compared in float64: our naive kernels against PyTorch in double, on small images, where nothing but rounding
of the files to float32 (6e-8) and of sums is left, so that EXACT is 1e-6 and a wrong stride, padding, order or weight of a head
stands out by five orders of magnitude. Where our float32 is compared, it is with PyTorch's float64, and the measure is PyTorch's
float32: ours may be ALLOWED times as far from float64 as that is, or FLOOR when that is more.
"""
import json
import os
import struct
import sys

SKIP = 77
EXACT = 1e-6
ALLOWED = 8.0
FLOOR = 1e-4  # what Winograd's convolutions may be off by, each
MEAN, DEVIATION = 0.45, 0.225


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
