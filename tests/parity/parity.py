"""The same layers and networks in PyTorch and torchvision: do both compute the same from the same values?

    parity.py layers|networks|steps|onnx <parity_run> [name...]

Ends with 77 and the reason where PyTorch or torchvision is missing; CTest then counts a skipped test.
How far they may be from each other is said in comparing.py.
"""
import shutil
import sys

sys.dont_write_bytecode = True  # this folder is of the source tree

from exported import onnx
from layers import layers
from networks import networks
from steps import steps


def main():
    if len(sys.argv) < 3 or sys.argv[1] not in ("layers", "networks", "steps", "onnx") or shutil.which(sys.argv[2]) is None:
        print(__doc__)
        return 2
    part = {"layers": layers, "networks": networks, "steps": steps, "onnx": onnx}[sys.argv[1]]
    return part(sys.argv[2], sys.argv[3:])


if __name__ == "__main__":
    sys.exit(main())
