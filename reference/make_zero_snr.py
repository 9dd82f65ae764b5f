"""
Samplers on the schedule with zero terminal SNR, as diffusers has it (`rescale_betas_zero_snr`, `timestep_spacing="trailing"`),
on scalars in place of latents: writes src/training/fixtures/zero_snr.json. The model is the one of samplers.test.ts.
"""

import json
import sys
from pathlib import Path

import diffusers
import torch
from diffusers import DDIMScheduler, DPMSolverMultistepScheduler, EulerDiscreteScheduler

CONFIG = dict(
    beta_start=0.00085,
    beta_end=0.012,
    beta_schedule="scaled_linear",
    num_train_timesteps=1000,
    prediction_type="v_prediction",
    timestep_spacing="trailing",
    rescale_betas_zero_snr=True,
)
SCHEDULERS = {
    "ddim": lambda: DDIMScheduler(**CONFIG, clip_sample=False, set_alpha_to_one=False, steps_offset=1),
    "euler": lambda: EulerDiscreteScheduler(**CONFIG, steps_offset=1),
    "dpmpp_2m": lambda: DPMSolverMultistepScheduler(**CONFIG, algorithm_type="dpmsolver++", solver_order=2),
}
START = [-1.5, -0.3, 0.1, 1.1]


def model(x: torch.Tensor, t: float) -> torch.Tensor:
    return 0.9 * torch.tanh(x) + 0.1 * torch.cos(torch.tensor(t / 100))


def run(name: str, steps: int) -> dict:
    scheduler = SCHEDULERS[name]()
    scheduler.set_timesteps(steps)
    x = torch.tensor(START) * scheduler.init_noise_sigma
    xs = []
    for t in scheduler.timesteps:
        output = model(scheduler.scale_model_input(x, t), float(t))
        x = scheduler.step(output, t, x).prev_sample
        xs.append([round(float(value), 7) for value in x])
    return dict(
        sampler=name,
        steps=steps,
        initialScale=float(scheduler.init_noise_sigma),
        timesteps=[float(t) for t in scheduler.timesteps],
        x=xs if steps < 10 else xs[-1:],
    )


def main(out: str) -> None:
    alphas = DDIMScheduler(**CONFIG).alphas_cumprod.double()
    data = dict(
        made=f"reference/make_zero_snr.py, diffusers {diffusers.__version__}, torch {torch.__version__}",
        alphasCumprod={str(t): float(alphas[t]) for t in (0, 147, 500, 900, 998, 999)},
        start=START,
        runs=[run(name, steps) for name in SCHEDULERS for steps in (4, 7, 30)],
    )
    runs = data.pop("runs")
    head = json.dumps(data, indent=1).removesuffix("\n}")
    lines = ",\n".join(f"  {json.dumps(run)}" for run in runs)
    Path(out).write_text(f'{head},\n "runs": [\n{lines}\n ]\n}}\n')


main(sys.argv[1] if len(sys.argv) > 1 else "src/training/fixtures/zero_snr.json")
