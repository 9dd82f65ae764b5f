"""Muon (Keller Jordan 2024, https://kellerjordan.github.io/posts/muon/): momentum whose update is made orthogonal, for
matrices and convolutions (as [out, in k k]). It needs fewer steps than AdamW here, and a step's cost is the model's."""

import torch


class Muon(torch.optim.Optimizer):
    def __init__(self, parameters, lr, momentum=0.95):
        super().__init__(parameters, dict(lr=lr, momentum=momentum))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            by_shape = {}
            for p in group["params"]:
                if p.grad is None:
                    continue
                mean = self.state[p].setdefault("mean", torch.zeros_like(p))
                mean.lerp_(p.grad, 1 - group["momentum"])
                update = p.grad.lerp(mean, group["momentum"]).flatten(1)
                by_shape.setdefault(update.shape, []).append((p, update))
            for (rows, columns), members in by_shape.items():
                updates = orthogonal(torch.stack([u for _, u in members]))
                scale = -group["lr"] * max(1, rows / columns) ** 0.5
                for (p, _), update in zip(members, updates):
                    p.add_(update.view_as(p), alpha=scale)


def orthogonal(x, steps=5):
    """[n, rows, columns] -> about the nearest matrices whose singular values are 1, by Newton-Schulz."""
    wide = x.shape[1] <= x.shape[2]
    x = x if wide else x.mT
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    # The polynomials are of x x' alone, so they are multiplied up in the smaller square and meet x once.
    square = x @ x.mT
    factor = torch.eye(x.shape[1]).expand_as(square)
    for _ in range(steps):
        a = factor @ square @ factor
        factor = (3.4445 * torch.eye(x.shape[1]) - 4.7750 * a + 2.0315 * a @ a) @ factor
    x = factor @ x
    return x if wide else x.mT
