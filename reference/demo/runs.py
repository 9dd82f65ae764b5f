"""What all training scripts of the demo share: a run that can be stopped and gone on with. `Run` keeps model,
optimizer, running mean of the weights (EMA), step and random state in one file, writes losses to a csv and stops
when its minutes are over. The learning rate follows the step, so a resumed run is the run that never stopped
(up to the order of floating-point sums)."""

import argparse
import csv
import math
import os
import time

import torch

from muon import Muon

MUON_LR = 0.003

HERE = os.path.dirname(os.path.abspath(__file__))


def arguments(steps, **more):
    parser = argparse.ArgumentParser()
    parser.add_argument("--work", default=os.path.join(HERE, "work"), help="checkpoints, logs and caches")
    parser.add_argument("--steps", type=int, default=steps, help="length of the whole training")
    parser.add_argument("--minutes", type=float, default=1e9, help="stop (resumably) after so long")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    for name, value in more.items():
        parser.add_argument("--" + name.replace("_", "-"), type=type(value), default=value)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    os.makedirs(args.work, exist_ok=True)
    return args


def fast(function, *modules):
    """The same function compiled, in bfloat16 where that is safe, its convolutions channels-last: half the time on a
    CPU that has bfloat16. Weights, optimizer and losses stay float32."""
    for module in modules:
        module.to(memory_format=torch.channels_last)
    compiled = torch.compile(function, dynamic=False)

    def run(*inputs):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return compiled(*inputs)

    return run


class Run:
    """modules: {name: nn.Module}. Iterate over it for the steps left: `for step in run: run.learn(loss)`."""

    def __init__(
        self, name, modules, args, lr, weight_decay=0.01, ema=0.999, save_every_s=120, log_every=25, muon_from=None
    ):
        """From the step `muon_from` on, matrices are trained by Muon and all rates fall in a straight line to nothing."""
        self.muon_from = muon_from
        self.name, self.modules, self.args, self.lr, self.decay = name, modules, args, lr, ema
        self.path = os.path.join(args.work, f"{name}.pt")
        self.log_path = os.path.join(args.work, f"{name}.csv")
        self.parameters = [p for m in modules.values() for p in m.parameters() if p.requires_grad]
        decays = [p for p in self.parameters if p.dim() > 1]
        rest = [p for p in self.parameters if p.dim() <= 1]
        self.optimizer = torch.optim.AdamW(
            [{"params": decays, "weight_decay": weight_decay}, {"params": rest, "weight_decay": 0.0}],
            lr=lr,
            betas=(0.9, 0.98),
            fused=True,
        )
        embeddings = {p for m in modules.values() for e in m.modules() if isinstance(e, torch.nn.Embedding) for p in e.parameters()}
        self.matrices = [p for p in decays if p not in embeddings]
        self.muon = Muon(self.matrices, MUON_LR)
        self.mean = [p.detach().clone() for p in self.parameters]
        self.step, self.seconds, self.sums = 0, 0.0, {}
        self.save_every_s, self.log_every = save_every_s, log_every
        if os.path.exists(self.path):
            self.load()

    def __iter__(self):
        start = saved = time.time()
        before = self.seconds
        while self.step < self.args.steps and time.time() - start < 60 * self.args.minutes:
            self.set_rates()
            yield self.step
            self.step += 1
            self.seconds = before + time.time() - start
            if self.step % self.log_every == 0:
                self.log()
            if time.time() - saved > self.save_every_s:
                self.save()
                saved = time.time()
        self.save()
        print(
            f"{self.name}: step {self.step}/{self.args.steps}, {self.seconds / 60:.1f} min in all", flush=True
        )

    @property
    def finished(self):
        return self.step >= self.args.steps

    @property
    def late(self):
        return self.muon_from is not None and self.step >= self.muon_from

    def set_rates(self):
        rate = self.rate()
        if self.late:
            done = (self.step - self.muon_from) / (self.args.steps - self.muon_from)
            share = min(1.0, (self.step - self.muon_from + 1) / 50) * (1 - done)
            rate = 0.5 * self.lr * share
            for group in self.muon.param_groups:
                group["lr"] = MUON_LR * share
        for group in self.optimizer.param_groups:
            group["lr"] = rate

    def rate(self):
        warm = min(1.0, (self.step + 1) / 200)
        return self.lr * warm * (0.03 + 0.97 * 0.5 * (1 + math.cos(math.pi * self.step / self.args.steps)))

    def learn(self, loss, **figures):
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
        if bool(torch.isfinite(norm)):
            if self.late:
                self.muon.step()
                for p in self.matrices:
                    p.grad = None  # AdamW passes over what has no gradient
            self.optimizer.step()
        decay = min(self.decay, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            torch._foreach_lerp_(self.mean, self.parameters, 1 - decay)
        for key, value in {"loss": loss, **figures}.items():
            total, count = self.sums.get(key, (0.0, 0))
            self.sums[key] = (total + float(value.detach()), count + 1)

    def log(self):
        row = {"step": self.step, "minutes": round(self.seconds / 60, 3)}
        row |= {key: round(total / count, 6) for key, (total, count) in sorted(self.sums.items())}
        new = not os.path.exists(self.log_path)
        with open(self.log_path, "a", newline="") as file:
            writer = csv.writer(file)
            if new:
                writer.writerow(row)
            writer.writerow(row.values())
        print(self.name, row, flush=True)
        self.sums = {}

    def save(self):
        state = {
            "modules": {name: m.state_dict() for name, m in self.modules.items()},
            "optimizer": self.optimizer.state_dict(),
            "muon": self.muon.state_dict(),
            "mean": self.mean,
            "step": self.step,
            "seconds": self.seconds,
        }
        torch.save(state, self.path + ".part")
        os.replace(self.path + ".part", self.path)

    def load(self):
        state = torch.load(self.path, weights_only=True)
        for name, module in self.modules.items():
            module.load_state_dict(state["modules"][name])
        self.optimizer.load_state_dict(state["optimizer"])
        if "muon" in state:
            self.muon.load_state_dict(state["muon"])
        self.mean = state["mean"]
        self.step, self.seconds = state["step"], state["seconds"]

    def use_mean(self):
        """Puts the running mean into the modules, in place of the last weights. Save nothing after this."""
        with torch.no_grad():
            for p, m in zip(self.parameters, self.mean):
                p.copy_(m)
