"""Codes of quantized weights as bitsandbytes (NF4) and numpy (int8, rounded in float64) make them.

Writes ../src/kernels/fixtures/codes.json: halves, one code a weight for each kind, and the largest magnitude of each block of
64, all in base64. The rows are as weights are: a normal bulk, heavy tails, rows of other sizes, and one of ties for int8.
bitsandbytes puts the first of two codes into the high nibble; here each has a byte. Needs bitsandbytes 0.50.2 on the CPU.
"""

import base64
import json
from pathlib import Path

import bitsandbytes.functional as F
import numpy as np
import torch

BLOCK = 64


def encoded(values: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode()


def weights() -> np.ndarray:
    rng = np.random.default_rng(20261129)
    w = rng.standard_normal((12, 256)) * 0.02
    w[rng.random(w.shape) < 0.01] *= 6
    w *= np.exp(1.5 * rng.standard_normal((12, 1)))
    # 127 w / absmax = k + 1/2 where the largest is 127/256.
    w[0] = np.resize((2 * np.arange(BLOCK) + 1) / 512 * np.where(np.arange(BLOCK) % 2, 1, -1), 256)
    w[0, ::BLOCK] = 127 / 256
    return w.astype(np.float16)


def main() -> None:
    halves = weights()
    blocks = halves.reshape(-1, BLOCK)
    packed, state = F.quantize_4bit(torch.from_numpy(halves), blocksize=BLOCK, quant_type="nf4")
    pairs = packed.numpy().reshape(-1)
    nf4 = np.stack([pairs >> 4, pairs & 15], 1).reshape(-1)
    absmax = np.abs(blocks).max(1)
    assert (state.absmax.numpy() == absmax).all(), "a block's largest magnitude is a half, and kept whole"
    wide = blocks.astype(np.float64)
    int8 = np.round(127 * wide / absmax[:, None].astype(np.float64)).astype(np.int8)
    out = {"table": state.code.tolist(), "halves": encoded(halves), "magnitudes": encoded(absmax)}
    out |= {"nf4": encoded(nf4.astype(np.int8)), "int8": encoded(int8)}
    to = Path(__file__).parent.parent / "src" / "kernels" / "fixtures" / "codes.json"
    to.write_text(json.dumps(out, indent=2) + "\n")


if __name__ == "__main__":
    main()
