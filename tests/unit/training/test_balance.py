from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from streamsr.errors import ConfigError, ModelError, TrainingError
from streamsr.training.balance import Action, Balance, BalanceConfig, Observation

CONFIG = BalanceConfig(window=10, patience=50)
HEALTHY = Observation(0.7, 0.75, generator_norm=0.3, discriminator_norm=0.8, diversity=0.9, discriminator_loss=0.8)
WINNING = replace(HEALTHY, real_accuracy=0.99, fake_accuracy=0.98, discriminator_loss=0.05)
GUESSING = replace(HEALTHY, real_accuracy=0.3, fake_accuracy=0.7, discriminator_loss=1.0)
COLLAPSED = replace(HEALTHY, diversity=0.1)
OVERSHOT = replace(HEALTHY, real_accuracy=0.6, fake_accuracy=0.5, discriminator_loss=2.5)


def feed(balance: Balance, seen: Observation, times: int) -> list[Action]:
    """The changes that `times` observations bring about."""
    return [action for _ in range(times) if (action := balance.observe(seen)).kind != "none"]


def watched(*runs: tuple[Observation, int], config: BalanceConfig = CONFIG) -> tuple[Balance, list[Action]]:
    balance = Balance(config)
    return balance, [action for seen, times in runs for action in feed(balance, seen, times)]


def test_a_healthy_run_is_left_alone() -> None:
    rng = np.random.default_rng(0)
    balance = Balance(CONFIG)
    for _ in range(2000):
        accuracy = rng.uniform(0.4, 1.0, 2)
        seen = Observation(*accuracy, *np.exp(rng.normal(0, 1, 2)), rng.uniform(0.3, 1.5), rng.uniform(0.5, 1.1))
        assert balance.observe(seen) == Action("none", 1.0, r1=False)


def test_a_winning_discriminator_is_held_back_step_by_step_and_then_given_up() -> None:
    balance, actions = watched((HEALTHY, 50))
    with pytest.raises(
        TrainingError, match=r"right 0\.985 of the time\) even at 0\.125 times .* and with R1; try a smaller"
    ):
        for _ in range(1000):
            actions += feed(balance, WINNING, 1)
    changes = [(action.kind, action.rate_factor, action.r1) for action in actions]
    assert changes == [("rates", 0.5, False), ("r1", 0.5, True), ("rates", 0.25, True), ("rates", 0.125, True)]
    assert actions[0].reason.startswith("the discriminator is winning (right 0.9")
    assert actions[0].reason.endswith("the discriminator's rate is now 0.5 times the recipe's")
    assert actions[1].reason.endswith("R1 is switched on")


def test_a_penalty_that_is_paid_from_the_start_is_no_remedy() -> None:
    balance, actions = Balance(CONFIG, r1=True), []
    with pytest.raises(TrainingError, match=r"even at 0\.125 times"):
        for _ in range(1000):
            actions += feed(balance, WINNING, 1)
    assert [(action.kind, action.rate_factor) for action in actions] == [
        ("rates", 0.5),
        ("rates", 0.25),
        ("rates", 0.125),
    ]


def test_nothing_is_done_before_patience_ends() -> None:
    balance, actions = watched((WINNING, CONFIG.window - 1 + CONFIG.patience - 1))
    assert actions == []
    assert balance.observe(WINNING).kind == "rates"
    # and as long again until the next remedy
    assert feed(balance, WINNING, CONFIG.patience - 1) == []
    assert balance.observe(WINNING).kind == "r1"


def test_a_trouble_that_passes_starts_from_zero() -> None:
    _, actions = watched(
        *[(WINNING, 35), (replace(HEALTHY, real_accuracy=0.5), 15)] * 6, config=replace(CONFIG, patience=40)
    )
    assert actions == []


def test_a_run_that_recovers_goes_on_with_what_helped() -> None:
    balance, actions = watched((HEALTHY, 20), (WINNING, 130), (HEALTHY, 3000))
    assert [action.kind for action in actions] == ["rates", "r1"]
    assert balance.action == Action("none", 0.5, r1=True)


def test_a_guessing_discriminator_is_sped_up_and_then_given_up() -> None:
    balance, actions = watched((HEALTHY, 20))
    with pytest.raises(TrainingError, match=r"is guessing \(right 0\.5\d of the time\) even at 4 times"):
        for _ in range(1000):
            actions += feed(balance, GUESSING, 1)
    assert [(action.kind, action.rate_factor, action.r1) for action in actions] == [
        ("rates", 2.0, False),
        ("rates", 4.0, False),
    ]


def test_a_guessing_discriminator_without_gradient_is_dead() -> None:
    balance, _ = watched((HEALTHY, 20))
    with pytest.raises(TrainingError, match="guessing and its gradient has vanished"):
        feed(balance, replace(GUESSING, discriminator_norm=1e-6), 200)
    assert balance.action.rate_factor <= 2


def test_a_discriminator_that_never_had_a_gradient_is_dead() -> None:
    with pytest.raises(TrainingError, match="its gradient has vanished"):
        watched((replace(GUESSING, discriminator_norm=0.0), 100))


def test_a_small_gradient_alone_is_no_trouble() -> None:
    _, actions = watched((HEALTHY, 20), (replace(HEALTHY, discriminator_norm=1e-7), 500))
    assert actions == []


def test_a_rate_that_proved_too_high_is_not_exceeded_again() -> None:
    balance, actions = watched((OVERSHOT, 60))
    assert [action.rate_factor for action in actions] == [0.5]
    assert "pays 2.50 times what knowing nothing would cost" in actions[0].reason
    with pytest.raises(TrainingError, match="even at 1 times the recipe's rate"):
        for _ in range(1000):
            actions += feed(balance, GUESSING, 1)
    assert [action.rate_factor for action in actions] == [0.5, 1.0]


def test_a_sped_up_discriminator_that_wins_falls_back_below_the_recipes_rate() -> None:
    _, actions = watched((HEALTHY, 20), (GUESSING, 150), (HEALTHY, 50), (WINNING, 80))
    assert [action.rate_factor for action in actions] == [2.0, 4.0, 0.5]


def test_a_run_that_swings_for_ever_is_given_up() -> None:
    balance, actions = watched((HEALTHY, 20))
    with pytest.raises(TrainingError, match="after 8 changes that did not settle it"):
        for _ in range(20):
            actions += feed(balance, OVERSHOT, 60) + feed(balance, GUESSING, 85)
    assert len(actions) == 8


def test_changes_far_apart_do_not_add_up() -> None:
    config = replace(CONFIG, unrest=1)
    balance, actions = watched(
        (HEALTHY, 20), (WINNING, 70), (HEALTHY, 600), (WINNING, 70), (HEALTHY, 400), config=config
    )
    assert [action.kind for action in actions] == ["rates", "r1"]
    with pytest.raises(TrainingError, match="after 1 changes"):
        feed(balance, WINNING, 80)


def test_a_collapse_gets_the_remedies_and_is_then_given_up() -> None:
    balance, actions = watched((HEALTHY, 30))
    with pytest.raises(TrainingError, match=r"output is 0\.10 times as diverse as the target\) even at"):
        for _ in range(1000):
            actions += feed(balance, COLLAPSED, 1)
    assert [action.kind for action in actions] == ["rates", "r1", "rates", "rates"]


@pytest.mark.parametrize("field", sorted(Observation.__dataclass_fields__))
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_figure_that_is_not_finite_stops_the_run_at_once(field: str, value: float) -> None:
    balance = Balance(CONFIG)
    with pytest.raises(TrainingError, match=f"after 1 observations: {field.replace('_', ' ')} is {value}"):
        balance.observe(replace(HEALTHY, **{field: value}))


@pytest.mark.parametrize("network", ["generator", "discriminator"])
def test_an_exploding_gradient_stops_the_run(network: str) -> None:
    balance, _ = watched((HEALTHY, 30))
    with pytest.raises(TrainingError, match=f"the {network}'s gradient has exploded, from 0.[38] to"):
        feed(balance, replace(HEALTHY, **{f"{network}_norm": 1e5}), CONFIG.window * 2)


def test_one_spike_is_no_explosion() -> None:
    _, actions = watched((HEALTHY, 30), (replace(HEALTHY, generator_norm=1e9), 1), (HEALTHY, 30))
    assert actions == []


def test_growth_that_clipping_deals_with_is_no_explosion() -> None:
    first = replace(HEALTHY, generator_norm=1e-4)
    _, actions = watched((first, 30), (replace(HEALTHY, generator_norm=50), 100))
    assert actions == []


def test_averages_are_exponential_and_of_norms_geometric() -> None:
    balance, _ = watched(
        (replace(HEALTHY, generator_norm=1.0), 10), (replace(HEALTHY, generator_norm=100.0, diversity=1.9), 1)
    )
    assert balance.averages["generator_norm"] == pytest.approx(100**0.1)
    assert balance.averages["diversity"] == pytest.approx(0.9 + 0.1)
    assert balance.accuracy == pytest.approx(0.725)


def test_a_resumed_watch_decides_as_the_uninterrupted_one() -> None:
    rng = np.random.default_rng(1)
    whole, resumed = Balance(CONFIG), Balance(CONFIG)
    actions = []
    for step in range(600):
        base = (HEALTHY, WINNING)[step // 125 % 2]
        seen = replace(base, generator_norm=float(rng.lognormal()), diversity=float(rng.uniform(0.5, 1)))
        resumed = Balance.from_state(CONFIG, json.loads(json.dumps(resumed.to_state())))
        actions.append(whole.observe(seen))
        assert resumed.observe(seen) == actions[-1]
        assert resumed.to_state() == whole.to_state()
    assert {action.kind for action in actions} == {"none", "rates", "r1"}


def test_the_state_is_a_copy() -> None:
    balance, _ = watched((HEALTHY, 5))
    state = balance.to_state()
    again = Balance.from_state(CONFIG, state)
    again.observe(WINNING)
    state["averages"].clear()
    assert balance.averages["diversity"] == pytest.approx(0.9)


def test_a_state_of_something_else_is_refused() -> None:
    good = watched((HEALTHY, 5))[0].to_state()
    for bad in (
        None,
        {},
        good | {"extra": 1},
        good | {"r1": 1},
        good | {"rate_factor": "1"},
        good | {"averages": {"diversity": "high"}},
    ):
        with pytest.raises(ModelError, match="state of the balance watch"):
            Balance.from_state(CONFIG, bad)


@pytest.mark.parametrize(
    "change", [{"window": 0}, {"winning": 0.4}, {"guessing": 0.46}, {"rate_min": 2.0}, {"rate_step": 1.0}]
)
def test_impossible_settings_are_refused(change: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=f"{next(iter(change))} = .* is out of its range"):
        replace(CONFIG, **change)


def test_without_room_for_the_rate_r1_is_the_only_remedy() -> None:
    balance, actions = watched((WINNING, 80), config=replace(CONFIG, rate_min=1))
    assert [(action.kind, action.rate_factor) for action in actions] == [("r1", 1.0)]
    with pytest.raises(TrainingError, match="even at 1 times"):
        feed(balance, WINNING, 60)
