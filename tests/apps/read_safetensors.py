"""An independent reader of the files that training writes: is what it finds what the format promises and what the run says?

    read_safetensors.py <convoy-train>

read() is all it takes to read a safetensors file, and knows nothing of Convoy. Where Python has the package `safetensors`, that must find
the same.
"""
import array
import json
import math
import os
import struct
import subprocess
import sys
import tempfile


def read(path):
    """Metadata, and by name dtype, shape and values, of a safetensors file whose tensors must cover its data without gaps."""
    with open(path, "rb") as file:
        length = struct.unpack("<Q", file.read(8))[0]
        header = json.loads(file.read(length))
        data = file.read()
    metadata = header.pop("__metadata__", {})
    tensors, at = {}, 0
    for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        begin, end = entry["data_offsets"]
        values = array.array({"F32": "f", "F64": "d"}[entry["dtype"]])
        values.frombytes(data[begin:end])
        assert begin == at and len(values) == math.prod(entry["shape"]), f"{name}: {entry} at byte {at}, {len(values)} values"
        tensors[name], at = (entry["dtype"], tuple(entry["shape"]), values), end
    assert at == len(data), f"{len(data) - at} bytes belong to no tensor"
    return metadata, tensors


def checksum(path, digits):
    """64 bits of FNV-1a over the file, its own digits taken as zeros."""
    with open(path, "rb") as file:
        data = file.read().replace(b'"checksum":"' + digits.encode(), b'"checksum":"' + b"0" * 16, 1)
    state = 0xCBF29CE484222325
    for byte in data:
        state = (state ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return f"{state:016x}"


LENET5 = {"conv1.weight": (6, 1, 5, 5), "conv1.bias": (6,), "conv2.weight": (16, 6, 5, 5), "conv2.bias": (16,), "fc1.weight": (120, 400),
          "fc1.bias": (120,), "fc2.weight": (84, 120), "fc2.bias": (84,), "fc3.weight": (10, 84), "fc3.bias": (10,)}


def check(condition, sentence):
    if not condition:
        sys.exit("FAILED " + sentence)


def check_with_package(path, tensors):
    try:
        import safetensors
    except ImportError:
        return "the package safetensors is not installed"
    with safetensors.safe_open(path, framework="numpy") as file:
        check(set(file.keys()) == set(tensors), "the package safetensors finds other tensors")
        for name, (_, shape, values) in tensors.items():
            tensor = file.get_tensor(name)
            check(tensor.shape == shape and tensor.ravel().tolist() == values.tolist(), f"the package safetensors reads {name} otherwise")
    return "the package safetensors reads the same"


def main():
    with tempfile.TemporaryDirectory() as folder:
        weights, checkpoint = os.path.join(folder, "w.safetensors"), os.path.join(folder, "c.safetensors")
        done = subprocess.run([sys.argv[1], "train", "--data", "synthetic", "--samples", "96", "--batch", "16", "--ranks", "2", "--epochs", "2",
                        "--seed", "5", "--save", weights, "--checkpoint", checkpoint], capture_output=True, text=True)
        check(done.returncode == 0, f"training ended with {done.returncode}: {done.stderr}")
        metadata, saved = read(weights)
        run_metadata, kept = read(checkpoint)
        check({name: shape for name, (_, shape, _) in saved.items()} == LENET5, f"the weights are {sorted(saved)}")
        check(all(dtype == "F32" for dtype, _, _ in saved.values()), "weights are not in float32")
        momenta = {"optimizer.momentum." + name for name in LENET5}
        check(set(kept) == set(LENET5) | momenta, f"the checkpoint has {sorted(kept)}")
        for name, (_, shape, values) in saved.items():
            check(all(map(math.isfinite, values)) and len(set(values)) > 1, f"{name} has no values")
            check(kept[name][2] == values, f"{name} of the checkpoint differs from the weights after the last epoch")
            check(kept["optimizer.momentum." + name][1] == shape, f"the momentum of {name} has another shape")
            check(any(kept["optimizer.momentum." + name][2]), f"the momentum of {name} is nothing but zeros")
        check(metadata["model"] == run_metadata["model"] == "lenet5", "the files do not say what model they are of")
        run = json.loads(run_metadata["run"])
        check((run["epoch"], run["step"], len(run["epochs"])) == (2, 12, 2), f"the checkpoint says {run}")
        for path, texts in ((weights, metadata), (checkpoint, run_metadata)):
            check(checksum(path, texts["checksum"]) == texts["checksum"], f"the checksum of {path} is wrong")
        print(f"{len(saved)} and {len(kept)} tensors read; {check_with_package(weights, saved)}")


if __name__ == "__main__":
    main()
