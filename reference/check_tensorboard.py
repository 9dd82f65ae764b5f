"""TensorBoard's own readers over event files of ours: python reference/check_tensorboard.py LOGS [--serve]

Prints, for each run below LOGS, every curve and picture as the Python reader gives it back; with --serve also as a
TensorBoard does that is started on LOGS (its fast data server), and compares the two. Exits with 1 where steps repeat or
fall, a picture does not open, or the two differ. Needs `pip install tensorboard pillow`; tried with tensorboard 2.21.0.
"""

import argparse
import io
import json
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from pathlib import Path

from PIL import Image
from tensorboard.backend.event_processing import event_multiplexer

parser = argparse.ArgumentParser()
parser.add_argument("logs", type=Path)
parser.add_argument("--serve", action="store_true")
parser.add_argument("--port", type=int, default=6106)
args = parser.parse_args()

multiplexer = event_multiplexer.EventMultiplexer(size_guidance={"images": 0, "scalars": 0, "tensors": 0})
multiplexer.AddRunsFromDirectory(str(args.logs))
multiplexer.Reload()
faults, curves = [], {}
for run in sorted(multiplexer.Runs()):
    tags = multiplexer.GetAccumulator(run).Tags()
    for tag in tags["scalars"]:
        events = multiplexer.Scalars(run, tag)
        steps = [event.step for event in events]
        if any(b <= a for a, b in zip(steps, steps[1:])):
            faults.append(f"{run} {tag}: steps {steps}")
        curves[run, tag] = {event.step: event.value for event in events}
        print(run, tag, {step: float(f"{value:.6g}") for step, value in curves[run, tag].items()})
    for tag in tags["images"]:
        sizes = []
        for event in multiplexer.Images(run, tag):
            size = Image.open(io.BytesIO(event.encoded_image_string)).size
            if size != (event.width, event.height):
                faults.append(f"{run} {tag}: {size} is not {event.width}x{event.height}")
            sizes.append((event.step, size))
        print(run, tag, sizes)
    for tag in tags["tensors"]:
        texts = [event.tensor_proto.string_val[0].decode() for event in multiplexer.Tensors(run, tag)]
        print(run, tag, [f"{len(text.splitlines())} lines" for text in texts])

if args.serve:
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(args.logs), "--port", str(args.port)]
    board = subprocess.Popen([*command, "--load_fast", "true"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        at = f"http://localhost:{args.port}/data/plugin/"
        for _ in range(120):
            try:
                found = json.load(urllib.request.urlopen(at + "scalars/tags"))
                if sum(len(tags) for tags in found.values()) == len(curves):
                    break
            except OSError:
                pass
            time.sleep(1)
        for (run, tag), curve in curves.items():
            query = urllib.parse.urlencode({"run": run, "tag": tag})
            points = json.load(urllib.request.urlopen(f"{at}scalars/scalars?{query}"))
            served = {step: value for _, step, value in points}
            if served != curve or len(points) != len(curve):
                faults.append(f"{run} {tag}: served {points}")
        print(f"served: {len(curves)} curves compared")
        images = json.load(urllib.request.urlopen(at + "images/tags"))
        for run, tags in images.items():
            for tag in tags:
                query = urllib.parse.urlencode({"run": run, "tag": tag, "sample": 0})
                metadata = json.load(urllib.request.urlopen(f"{at}images/images?{query}"))
                for each in metadata:
                    blob = urllib.request.urlopen(f"{at}images/individualImage?{each['query']}").read()
                    kept = {event.step: event.encoded_image_string for event in multiplexer.Images(run, tag)}
                    if blob != kept.get(each["step"]):
                        faults.append(f"{run} {tag}: the picture served of step {each['step']} is another")
                steps = [each["step"] for each in metadata]
                if any(b <= a for a, b in zip(steps, steps[1:])):
                    faults.append(f"{run} {tag}: served steps {steps}")
                print("served:", run, tag, steps)
    finally:
        board.terminate()
        board.wait()

for fault in faults:
    print("FAULT", fault)
print(f"{len(curves)} curves, {len(faults)} faults")
sys.exit(1 if faults or not curves else 0)
