"""A stylizer at its lessons: it paints a batch, and is told what is wrong with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.optim import Optimizer

from ..generators.conditional_norm import norms
from ..generators.style import Stylizer
from .ema import Ema
from .losses.style import luma, unsteadiness
from .style_run import StyleRun
from .warps import valid, warp

MEASURED = 32
"""Batches that the statistics are taken from."""


@dataclass(frozen=True, slots=True)
class Practised:
    """What was painted, and what it costs."""

    output: Tensor
    """`(N, 3, p, p)` in [0, 1]."""
    loss: Tensor
    """To be minimised: a scalar."""
    parts: dict[str, Tensor]
    """For the log: means of the losses of style, content and fidelity, and the unsteadiness, unweighed."""


def practise(run: StyleRun, network: Stylizer, lesson: Sequence[Tensor], step: int) -> Practised:
    """Paint a batch of `Lessons` and, once the ramp has begun, its disturbed twins; compare."""
    recipe, (photo, styles, strength, *disturbance) = run.recipe, lesson
    weight = recipe.steady.weight_at(step / recipe.optim.steps)
    pictures = [photo, disturbed(photo, *disturbance)] if weight else [photo]
    output, *twin = paint_all(network, pictures, styles, strength)
    with run.low_precision:
        style, content = run.painting(output, photo, styles)
    fidelity = recipe.lessons.fidelity * (output - photo).abs().mean((1, 2, 3))
    full = strength[:, 0]
    loss = (full * (recipe.style_share(step) * style + content) + (1 - full) * fidelity).mean()
    parts = {"style": style.mean(), "content": content.mean()}
    if twin:
        parts["sway"] = sway(output, twin[0], photo, *disturbance).mean()
        loss = loss + weight * parts["sway"]
    return Practised(output, loss, {"loss": loss.detach(), **{name: part.detach() for name, part in parts.items()}})


def freeze_in_time(run: StyleRun, model: Stylizer, ema: Ema, optimizer: Optimizer, step: int) -> None:
    """From the recipe's step on, let `model` and the average normalize by statistics that no longer change.

    Both go on from the averaged weights, and from statistics that are taken with them: those tracked on the way belong
    to weights long gone. The optimizer starts afresh, or its memory of small gradients would make the first steps huge.
    """
    if step < run.recipe.freeze_at or model.frozen:
        return
    optimizer.state.clear()
    model.load_state_dict(ema.model.state_dict())
    photos = (run.patches.batch(index)[0] for index in range(MEASURED))
    measure(model, [photo.to(run.fabric.device) for photo in photos])
    model.freeze()
    ema.model.load_state_dict(model.state_dict())


@torch.no_grad()
def measure(model: Stylizer, photos: Sequence[Tensor]) -> None:
    """Take the running statistics of every style, and of the identity, anew, from batches of `photos`."""
    for norm in norms(model):
        norm.seen.zero_()
    styles = torch.eye(len(model.conditioning), device=photos[0].device)
    tasks = [(styles[:1], styles.new_zeros(1, 1)), *((style[None], styles.new_ones(1, 1)) for style in styles)]
    for photo in photos:
        for task in tasks:
            model.train()(photo, *task)


def paint_all(network: Stylizer, pictures: Sequence[Tensor], styles: Tensor, strength: Tensor) -> Sequence[Tensor]:
    """Each batch of `pictures` painted, in one pass: several processes need one forward pass for each backward pass."""
    count = len(pictures)
    painted: Tensor = network(torch.cat([*pictures]), styles.repeat(count, 1), strength.repeat(count, 1))
    return painted.chunk(count)


def disturbed(photo: Tensor, field: Tensor, gain: Tensor, noise: Tensor) -> Tensor:
    """The twin of a photograph: moved, brighter or darker, and noisier."""
    return warp(photo, field) * gain + noise


def sway(output: Tensor, twin: Tensor, photo: Tensor, field: Tensor, gain: Tensor, _noise: Tensor) -> Tensor:
    """How far the painting of the twin is from the painting, moved as the twin was: `(N,)`.

    Noise is no reason to differ, brightness is one.
    """
    brighter = (gain - 1) * luma(warp(photo, field))
    return unsteadiness(twin, warp(output, field), brighter, valid(field))
