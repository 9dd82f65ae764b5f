"""Writes a checkpoint of Stable Diffusion 1.5's full size and names with seeded random fp16 weights (2.1 GB),
tensor by tensor, so that host memory stays at a few times the largest tensor. Never committed.
Usage: python make_sd15_shaped.py OUT.safetensors"""

import json
import math
import sys

from models import SD15, build, ldm_entries, random_tensor

SEED = 20240502


def main(path):
    entries = sorted((ldm, shape) for ldm, shape, _, _ in ldm_entries(build(SD15)))
    header, offset = {"__metadata__": {"format": "pt"}}, 0
    for ldm, shape in entries:
        end = offset + 2 * math.prod(shape)
        header[ldm] = {"dtype": "F16", "shape": list(shape), "data_offsets": [offset, end]}
        offset = end
    encoded = json.dumps(header, separators=(",", ":")).encode()
    encoded += b" " * (-len(encoded) % 8)
    with open(path, "wb") as file:
        file.write(len(encoded).to_bytes(8, "little"))
        file.write(encoded)
        for ldm, shape in entries:
            file.write(random_tensor(ldm, shape, SEED).half().numpy().data)
    print(f"{path}: {8 + len(encoded) + offset} bytes, {len(entries)} tensors")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
