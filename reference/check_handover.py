"""A handed-over job in sd-scripts' own hands: python reference/check_handover.py SD_SCRIPTS JOB

Reads JOB (an unpacked zip of `npm run handover`) with sd-scripts' own argument parser and dataset-config reader, run from
a checkout of kohya-ss/sd-scripts with its packages: no name may be unknown to the parser, the dataset must hold every
picture of the folders as often as they say, with the caption beside it. Exits with 1 where something is missing. Tried
with 48d368f (February 2026).
"""

import importlib
import os
import re
import subprocess
import sys
from pathlib import Path

scripts, job = (Path(each).resolve() for each in sys.argv[1:3])
sys.path.insert(0, str(scripts))
os.chdir(job)
subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], check=True)
# The one that the job is run with: SDXL has a script of its own.
script = re.search(r"/(\w+)\.py\"", Path("run.sh").read_text())[1]
sys.argv = [f"{script}.py", "--config_file", "config.toml"]

import toml  # noqa: E402
from library import config_util, sdxl_train_util, train_util  # noqa: E402

parser = importlib.import_module(script).setup_parser()
known = {action.dest for action in parser._actions}
written = toml.load("config.toml")
faults = [f"config.toml: {name} is no argument of theirs" for name in written if name not in known]
choices = {action.dest: action.choices for action in parser._actions if action.choices}
faults += [
    f"config.toml: {name} = {value}, of {choices[name]}"
    for name, value in written.items()
    if name in choices and value not in choices[name]
]

args = train_util.read_config_from_file(parser.parse_args(), parser)
train_util.verify_training_args(args)
if script.startswith("sdxl_"):
    sdxl_train_util.verify_sdxl_training_args(args)
train_util.prepare_dataset_args(args, True)
for name, value in written.items():
    if getattr(args, name) != value:
        print(f"{name}: {value!r} became {getattr(args, name)!r}")

user = config_util.load_user_config(args.dataset_config)
blueprint = config_util.BlueprintGenerator(config_util.ConfigSanitizer(True, True, False, True)).generate(user, args)
group, _ = config_util.generate_dataset_group_by_blueprint(blueprint.dataset_group)
expected = {}
for subset in user["datasets"][0]["subsets"]:
    for path in Path(subset["image_dir"]).iterdir():
        if path.suffix != ".txt":
            expected[str(path)] = (subset["num_repeats"], path.with_suffix(".txt").read_text().rstrip("\n"))
found = {
    os.path.relpath(info.absolute_path): (info.num_repeats, info.caption)
    for dataset in group.datasets
    for info in dataset.image_data.values()
}
if found != expected:
    faults.append(f"dataset: {found} instead of {expected}")
steps = args.max_train_steps if "max_train_steps" in written else f"{args.max_train_epochs} epochs"
print(f"{len(written)} settings, {len(found)} pictures, {group.num_train_images} with repeats, {steps} to train")
for fault in faults:
    print("FAULT", fault)
sys.exit(1 if faults else 0)
