"""The watch over adversarial training: it sees when the networks fall out of balance, acts, and gives up in time.

Arithmetic on a few numbers a step and no torch; its state is plain JSON, so that a resumed run decides as the
uninterrupted one would have. It looks at moving averages; a trouble that lasts for `patience` observations gets one
remedy, then as long again to heal:

    trouble     its sign (figures of `BalanceConfig`)                   remedies, in order
    collapsed   output < 0.25 as diverse as the target                  discriminator's rate halved,
                                                                        R1 on, rate halved to 1/8
    winning     the discriminator is right > 0.95 of the time           the same
    overshot    it pays > 1.1 times what knowing nothing would cost:    the same
                sure and wrong, as after steps that are too long
    dead        it is right half the time, its gradient down to 1/1000  none
    guessing    it is right half the time                               its rate doubled, up to 4 and
                                                                        to what proved too high
    exploded    the norm of a gradient grew 1000-fold                   none, and no patience
    not finite  any figure at all                                       none, and no patience

Out of remedies, or after too many in a row, the run is lost: `TrainingError`.
"""

from __future__ import annotations

import math
from dataclasses import astuple, dataclass, fields
from typing import Any, Literal

from ..errors import TrainingError
from .balance_state import BalanceState
from .tables import check_ranges

NORM_NOTHING = 1e-8
"""Norm of a gradient that moves no weight, wherever it started."""
NORM_HARMLESS = 1000.0
"""Norm of a gradient that is no explosion, wherever it started: clipping deals with it."""
OTHER_RATE = "another discriminator rate (too high kills it, too low never wakes it) or a larger discriminator"


@dataclass(frozen=True, slots=True)
class BalanceConfig:
    """When the watch acts and when it gives up. Durations are counted in observations."""

    window: int = 100
    """What the moving averages reach back over; before the first is full nothing is judged, and its first tenth, when
    the discriminator has not yet learned anything, tells what norms are normal."""
    patience: int = 500
    """How long a trouble must last to be acted upon, and again after every remedy; several windows, or the averages
    still tell of the time before it."""
    winning: float = 0.95
    """Mean accuracy of the discriminator above which it teaches nothing."""
    guessing: float = 0.02
    """Distance of its mean accuracy from 0.5 up to which it knows nothing."""
    overshot: float = 1.1
    """Loss of the discriminator, in units of what knowing nothing costs, above which its steps are too long."""
    dead: float = 1e-3
    """Share of its first norm below which the gradient of a guessing discriminator has vanished."""
    exploded: float = 1e3
    """Multiple of its first norm above which a gradient has exploded."""
    collapsed: float = 0.25
    """Diversity of the output in units of the target's below which the generator has collapsed."""
    rate_step: float = 2.0
    """Factor of one change of the discriminator's rate."""
    rate_min: float = 0.125
    rate_max: float = 4.0
    """Bounds of the discriminator's rate, in units of the recipe's."""
    unrest: int = 8
    """Most changes in a row, each within 10 times `patience` of the one before: a run that needs more never settles."""

    def __post_init__(self) -> None:
        check_ranges(
            self,
            window=self.window >= 1,
            patience=self.patience >= 1,
            winning=0.5 < self.winning < 1,
            guessing=0 <= self.guessing < self.winning - 0.5,
            overshot=self.overshot > 1,
            dead=0 <= self.dead < 1,
            exploded=self.exploded > 1,
            collapsed=0 <= self.collapsed < 1,
            rate_step=self.rate_step > 1,
            rate_min=0 < self.rate_min <= 1,
            rate_max=self.rate_max >= 1,
            unrest=self.unrest >= 1,
        )


@dataclass(frozen=True, slots=True)
class Observation:
    """One step of adversarial training, in numbers."""

    real_accuracy: float
    fake_accuracy: float
    """Shares in 0..1 of the logits on the right side (`AdversarialLoss.accuracy`)."""
    generator_norm: float
    discriminator_norm: float
    """Norms of the two gradients before clipping."""
    diversity: float
    """Of the generator's output, in units of the target's (`diversity.relative_diversity`)."""
    discriminator_loss: float = 1.0
    """In units of what knowing nothing costs (`AdversarialLoss.ignorance`); 1 where it is not known."""


@dataclass(frozen=True, slots=True)
class Action:
    """What to train with from now on; to apply it twice does no harm."""

    kind: Literal["none", "rates", "r1"]
    """What has just changed."""
    rate_factor: float
    """The discriminator's rate in units of the recipe's."""
    r1: bool
    """Whether the discriminator pays the R1 penalty."""
    reason: str = ""
    """Why, in one sentence for the log; empty when there is nothing to say."""


class Balance:
    """Told of every step (or every n-th) by `observe`; answers with what to change, or stops the run."""

    def __init__(self, config: BalanceConfig, *, r1: bool = False) -> None:
        """`r1` tells that the discriminator pays the penalty from the start: then it is no remedy."""
        self.config = config
        self._state = BalanceState(ceiling=float(config.rate_max), r1=r1)

    def to_state(self) -> dict[str, Any]:
        """Everything it remembers, as plain JSON values."""
        return self._state.to_json()

    @classmethod
    def from_state(cls, config: BalanceConfig, state: dict[str, Any]) -> Balance:
        """The watch that `to_state` was called on. Raises `ModelError` when that is no such state."""
        balance = cls(config)
        balance._state = BalanceState.from_json(state)
        return balance

    @property
    def action(self) -> Action:
        """What to train with now, as when a run begins or goes on."""
        return Action("none", self._state.rate_factor, self._state.r1)

    @property
    def averages(self) -> dict[str, float]:
        """Moving averages of the fields of `Observation`, norms geometrically; for the log."""
        return {name: math.exp(v) if _is_norm(name) else v for name, v in self._state.averages.items()}

    @property
    def accuracy(self) -> float:
        """Moving average of how often the discriminator is right, real and generated pictures counting alike."""
        return (self._state.averages["real_accuracy"] + self._state.averages["fake_accuracy"]) / 2

    def observe(self, seen: Observation) -> Action:
        """Take note of one step.

        Where several processes train together, all must be told the same figures (their means), or they part ways.

        Raises:
            TrainingError: the run is lost; says of what, and what to try.
        """
        self._average(seen)
        state = self._state
        if state.observations <= max(1, self.config.window // 10):
            state.first_norms = {name: value for name, value in state.averages.items() if _is_norm(name)}
        if state.observations < self.config.window:
            return self.action
        self._check_explosion()
        signs = self._signs()
        state.lasting = {name: state.lasting.get(name, 0) + 1 for name, shows in signs.items() if shows}
        for trouble in signs:
            if state.lasting.get(trouble, 0) >= self.config.patience:
                state.lasting = {}
                return self._remedy(trouble)
        return self.action

    def _average(self, seen: Observation) -> None:
        """Exponential averages that start as plain means. Of norms, their logarithms: one spike must not count."""
        state = self._state
        state.observations += 1
        share = 1 / min(state.observations, self.config.window)
        for field, value in zip(fields(seen), astuple(seen), strict=True):
            if not math.isfinite(value):
                raise self._lost(f"{field.name.replace('_', ' ')} is {value}", "a lower rate, or fp32")
            level = math.log(max(value, NORM_NOTHING / 1e3)) if _is_norm(field.name) else value
            before = state.averages.get(field.name, level)
            state.averages[field.name] = before + share * (level - before)

    def _check_explosion(self) -> None:
        for name, first in self._state.first_norms.items():
            bound = max(math.exp(first) * self.config.exploded, NORM_HARMLESS)
            norm, whose = self.averages[name], name.removesuffix("_norm")
            if norm > bound:
                what = f"the {whose}'s gradient has exploded, from {math.exp(first):.3g} to {norm:.3g}"
                raise self._lost(what, "a lower rate or a smaller weight of the adversarial loss")

    def _signs(self) -> dict[str, bool]:
        """Which troubles show now; the gravest first."""
        config, state = self.config, self._state
        guessing = abs(self.accuracy - 0.5) <= config.guessing
        norm, first = (math.exp(table["discriminator_norm"]) for table in (state.averages, state.first_norms))
        return {
            "collapsed": state.averages["diversity"] < config.collapsed,
            "winning": self.accuracy > config.winning,
            "overshot": state.averages["discriminator_loss"] > config.overshot,
            "dead": guessing and norm <= max(config.dead * first, NORM_NOTHING),
            "guessing": guessing,
        }

    def _remedy(self, trouble: str) -> Action:
        if trouble == "dead":
            raise self._lost("the discriminator is guessing and its gradient has vanished", OTHER_RATE)
        return self._strengthen() if trouble == "guessing" else self._weaken(trouble)

    def _strengthen(self) -> Action:
        state, config = self._state, self.config
        what = f"the discriminator is guessing (right {self.accuracy:.2f} of the time)"
        if state.rate_factor >= state.ceiling:
            raise self._lost(f"{what} even at {state.rate_factor:g} times the recipe's rate", OTHER_RATE)
        state.rate_factor = float(min(state.rate_factor * config.rate_step, state.ceiling))
        return self._changed("rates", what)

    def _weaken(self, trouble: str) -> Action:
        state, config = self._state, self.config
        what = self._described(trouble)
        state.ceiling = min(state.ceiling, state.rate_factor)
        lowest = state.rate_factor <= config.rate_min
        if not state.r1 and (state.rate_factor < 1 or lowest):
            state.r1 = True
            return self._changed("r1", what)
        if not lowest:
            state.rate_factor = float(max(min(state.rate_factor, 1.0) / config.rate_step, config.rate_min))
            return self._changed("rates", what)
        raise self._lost(
            f"{what} even at {state.rate_factor:g} times the recipe's rate and with R1",
            "a smaller weight of the adversarial loss, a lower discriminator rate or a smaller discriminator",
        )

    def _described(self, trouble: str) -> str:
        diversity, loss = (self._state.averages[name] for name in ("diversity", "discriminator_loss"))
        return {
            "collapsed": f"the generator is collapsing (its output is {diversity:.2f} times as diverse as the target)",
            "winning": f"the discriminator is winning (right {self.accuracy:.3f} of the time)",
            "overshot": f"the discriminator overshoots (it pays {loss:.2f} times what knowing nothing would cost)",
        }[trouble]

    def _changed(self, kind: Literal["rates", "r1"], what: str) -> Action:
        state = self._state
        calm = state.observations - state.last_change > 10 * self.config.patience
        state.changes, state.last_change = 1 if calm else state.changes + 1, state.observations
        if state.changes > self.config.unrest:
            raise self._lost(f"{what}, after {self.config.unrest} changes that did not settle it", OTHER_RATE)
        rate = f"the discriminator's rate is now {state.rate_factor:g} times the recipe's"
        return Action(kind, state.rate_factor, state.r1, f"{what}: {'R1 is switched on' if kind == 'r1' else rate}")

    def _lost(self, what: str, advice: str) -> TrainingError:
        after = self._state.observations
        return TrainingError(f"adversarial training is lost after {after} observations: {what}; try {advice}")


def _is_norm(name: str) -> bool:
    return name.endswith("_norm")
