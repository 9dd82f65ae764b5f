"""What the base's precision in training costs a style LoRA of the demo. Usage:

    python base_precision.py fp16.safetensors int8.safetensors nf4.safetensors

The LoRAs come of configs/demo.yaml with `base_precision` and nothing else changed. Each is judged on the demo's base as it is
shipped, in halves: epsilon's squared error on 64 held-out woodcuts (`figures.py`), beside the first one's."""

import sys

from figures import denoising_loss, load_base, merged, undo
from make_sets import held_out
from model import ROOT


def main(paths):
    models = load_base(f"{ROOT}/public/demo/base.safetensors")
    members = held_out("woodcut", 64)
    print(f"base: {denoising_loss(*models, members):.4f}")
    first = None
    for path in paths:
        kept = merged(models[0], models[1], path, 1.0)
        loss = denoising_loss(*models, members)
        undo(kept)
        first = first or loss
        print(f"{path}: {loss:.4f}, {100 * (loss / first - 1):+.1f} %")


if __name__ == "__main__":
    main(sys.argv[1:])
