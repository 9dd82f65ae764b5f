"""Did two trainers that were given the same draws compute the same? python compare_runs.py OURS DRAWS THEIRS OURS.safetensors THEIRS.safetensors

OURS: the folder of a run of `npm run train` with its event files; DRAWS: what `npm run draws` wrote for it; THEIRS: a
folder with record.json and, if wanted, pixels.safetensors, as README.md describes them; then a LoRA of each after equally
many updates. Losses, gradient norms and rates are compared as far as both go. Exit 1 where names, shapes, types or
alphas differ, or a number is farther off than --tolerance (losses and norms relative to themselves, a LoRA's end relative
to how far training took it from its start). --signs is for Lion, which steps by a gradient's sign: a value that is off by
twice a rate had another sign once, where its gradient is next to nothing; these are counted, at most one in 10,000 may be."""

import argparse
import json
import sys
from pathlib import Path

import numpy as np
from safetensors import safe_open
from safetensors.numpy import load_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator


def curves(folder):
    """Our event files: values by tag and step."""
    (run,) = {path.parent for path in Path(folder).glob("logs/**/events.out.tfevents.*")}
    events = EventAccumulator(str(run), size_guidance={"scalars": 0}).Reload()
    return {tag: {event.step: event.value for event in events.Scalars(tag)} for tag in events.Tags()["scalars"]}


def worst(pairs):
    """The largest relative difference of numbers, and at which it is (from 1)."""
    off = [(abs(a - b) / max(abs(b), 1e-30), at) for at, (a, b) in enumerate(pairs, 1)]
    return max(off, default=(0.0, 0))


def compare_curves(ours, updates, accumulation):
    steps = range(1, min(len(updates), max(ours["loss/current"])) + 1)
    # An epoch's last group of micro-steps may be short; its gradient is their sum over the accumulation all the same.
    loss = [(ours["loss/current"][at], sum(updates[at - 1]["losses"]) / accumulation) for at in steps]
    yield "loss", len(loss), *worst(loss)
    norm = [(ours["norm/gradient"][at], updates[at - 1]["gradient_norm"]) for at in steps]
    yield "gradient norm", len(norm), *worst([pair for pair in norm if pair[1] is not None])
    for index, tag in enumerate(rate_tags(ours)):
        # A rate of zero is far from nothing: compared to the highest.
        rate = [(ours[tag][at], updates[at - 1]["rates"][index]) for at in steps]
        highest = max(b for _, b in rate)
        yield tag, len(rate), *worst([(a - b + highest, highest) for a, b in rate])


def rate_tags(ours):
    """Theirs lists the text encoder's rate before the U-Net's."""
    return [tag for tag in ("lr/textencoder", "lr/unet") if tag in ours]


def compare_weights(start, ours, theirs, rates):
    faults = []
    if list(ours) != list(theirs):
        faults.append(f"names: {sorted(set(ours) ^ set(theirs)) or 'in another order'}")
    off, moved, dot, own = 0.0, 0.0, 0.0, 0.0
    worst_tensor = (0.0, "none")
    still, signs, values = 0, 0, 0
    for name in ours.keys() & theirs.keys():
        a, b = ours[name], theirs[name]
        if a.shape != b.shape or a.dtype != b.dtype:
            faults.append(f"{name}: {a.dtype} {a.shape}, {b.dtype} {b.shape}")
            continue
        a, b = a.astype(np.float64), b.astype(np.float64)
        if name.endswith(".alpha"):
            if not np.array_equal(a, b):
                faults.append(f"{name}: {a} and {b}")
            continue
        before = start[name].astype(np.float64)
        values += a.size
        for rate in rates:
            turned = np.abs(np.abs(a - b) - 2 * rate) < 1e-3 * rate
            signs += int(turned.sum())
            a = np.where(turned, b, a)
        change = np.linalg.norm(b - before)
        off += np.sum((a - b) ** 2)
        moved += change**2
        own += np.sum((a - before) ** 2)
        dot += np.sum((a - before) * (b - before))
        if change == 0:
            still += 1
            if not np.array_equal(a, b):
                faults.append(f"{name}: theirs is as it was, ours moved by {np.linalg.norm(a - b):.1e}")
        else:
            worst_tensor = max(worst_tensor, (np.linalg.norm(a - b) / change, name))
    if signs > 1e-4 * values:
        faults.append(f"{signs} of {values} values are off by twice a rate")
    return faults, dict(
        signs=signs,
        change=(off / moved) ** 0.5, cosine=dot / (moved * own) ** 0.5, worst=worst_tensor, still=still, moved=moved**0.5
    )


def compare_pixels(ours, theirs):
    for name in sorted(theirs, key=lambda each: int(each.split(".")[1])):
        off = np.abs(ours[name].astype(int) - theirs[name].astype(int))
        if off.any():
            yield f"{name}: {np.mean(off > 0):.1%} of the values differ, by at most {off.max()} of 255"


def metadata(path):
    with safe_open(path, "np") as file:
        return file.metadata() or {}


def main(arguments):
    record = json.loads((Path(arguments.theirs) / "record.json").read_text())
    draws = json.loads((Path(arguments.draws) / "draws.json").read_text())
    accumulation = max(len(step["batches"]) for step in draws["steps"])
    faults = []
    ours = curves(arguments.ours)
    for what, count, off, at in compare_curves(ours, record["updates"], accumulation):
        print(f"{what}: {count} updates, worst {off:.1e} (update {at})")
        if off > arguments.tolerance:
            faults.append(f"{what} differs by {off:.1e}")
    rates = sorted({rate for update in record["updates"] for rate in update["rates"] if rate > 0} if arguments.signs else [])
    start = load_file(Path(arguments.draws) / "start.safetensors")
    found, weights = compare_weights(start, load_file(arguments.ours_lora), load_file(arguments.theirs_lora), rates)
    faults += found
    print(
        f"weights: {weights['change']:.1e} of the change (cosine 1 - {1 - weights['cosine']:.0e}, norm {weights['moved']:.3g}), "
        f"worst tensor {weights['worst'][0]:.1e} ({weights['worst'][1]}); {weights['still']} did not move"
        + (f"; {weights['signs']} values had another sign once" if arguments.signs else "")
    )
    if weights["change"] > arguments.tolerance:
        faults.append(f"weights differ by {weights['change']:.1e}")
    pixels = Path(arguments.theirs) / "pixels.safetensors"
    if pixels.exists():
        seen = load_file(pixels)
        off = list(compare_pixels(load_file(Path(arguments.draws) / "pixels.safetensors"), seen))
        print(f"pixels: {len(seen) - len(off)} of {len(seen)} pictures equal to the last bit")
        faults += off
    a, b = metadata(arguments.ours_lora), metadata(arguments.theirs_lora)
    print("metadata that differs:", *(f"\n  {key}: {a.get(key)} | {b.get(key)}" for key in sorted({*a, *b}) if a.get(key) != b.get(key)))
    for fault in faults:
        print("FAULT", fault)
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("ours", "draws", "theirs", "ours_lora", "theirs_lora"):
        parser.add_argument(name)
    parser.add_argument("--tolerance", type=float, default=1e-4)
    parser.add_argument("--signs", action="store_true")
    main(parser.parse_args())
