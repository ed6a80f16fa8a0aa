"""The watch beside real networks: a discriminator fifty times too fast is caught, a sane one is let be."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from torch import Tensor, nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402
from torch.nn.utils.parametrizations import spectral_norm  # noqa: E402

from streamsr.errors import TrainingError  # noqa: E402
from streamsr.training.balance import Balance, BalanceConfig, Observation  # noqa: E402
from streamsr.training.diversity import relative_diversity  # noqa: E402
from streamsr.training.losses import ADVERSARIAL, l1  # noqa: E402
from streamsr.training.losses.adversarial import AdversarialLoss, r1  # noqa: E402

pytestmark = pytest.mark.torch

CONFIG = BalanceConfig(window=20, patience=40)
STEPS = 260


def textures(random: torch.Generator, count: int = 4, side: int = 32) -> tuple[Tensor, Tensor]:
    """Noise of three sizes at various contrasts, `(N, 1, 32, 32)`; and the same at half the size."""
    total = torch.zeros(count, 1, side, side)
    for size, weight in ((1, 0.6), (2, 0.6), (4, 0.8)):
        noise = torch.randn(count, 1, side // size, side // size, generator=random)
        total += weight * F.interpolate(noise, scale_factor=size)
    contrast = 0.4 + 1.2 * torch.rand(count, 1, 1, 1, generator=random)
    high = (0.5 + 0.12 * contrast * total).clamp(0, 1)
    return F.avg_pool2d(high, 2), high


class Enlarger(nn.Module):
    """Nearest neighbour plus what three convolutions add."""

    def __init__(self) -> None:
        super().__init__()
        sizes = [(1, 12), (12, 12), (12, 4)]
        layers = [part for a, b in sizes for part in (nn.Conv2d(a, b, 3, padding=1), nn.LeakyReLU(0.1))]
        self.body = nn.Sequential(*layers[:-1], nn.PixelShuffle(2))

    def forward(self, x: Tensor) -> Tensor:
        return F.interpolate(x, scale_factor=2) + self.body(x)


class Game:
    """A warm-started generator against a fresh discriminator, watched at every step."""

    def __init__(self, rate: float, seed: int) -> None:
        torch.manual_seed(seed)
        self.random = torch.Generator().manual_seed(seed)
        self.rate = rate
        self.generator, self.watch = Enlarger(), Balance(CONFIG)
        self.loss: AdversarialLoss = ADVERSARIAL.load("nonsaturating")
        self.judge = nn.Sequential(
            spectral_norm(nn.Conv2d(1, 8, 3, 2, 1)),
            nn.LeakyReLU(0.2),
            spectral_norm(nn.Conv2d(8, 16, 3, 2, 1)),
            nn.LeakyReLU(0.2),
            nn.Conv2d(16, 1, 3, 1, 1),
        )
        self.warm_up()
        self.optimizer = torch.optim.Adam(self.generator.parameters(), 5e-4, (0.9, 0.99))
        self.judges_optimizer = torch.optim.Adam(self.judge.parameters(), rate, (0.9, 0.99))

    def warm_up(self) -> None:
        optimizer = torch.optim.Adam(self.generator.parameters(), 3e-3, (0.9, 0.99))
        for _ in range(60):
            low, high = textures(self.random)
            update(self.generator, optimizer, l1(self.generator(low), high))

    def step(self) -> str:
        low, high = textures(self.random)
        action = self.watch.action
        for group in self.judges_optimizer.param_groups:
            group["lr"] = self.rate * action.rate_factor
        output = self.generator(low)
        real, fake = self.judge(torch.cat([high, output.detach()])).chunk(2)
        verdict = self.loss.discriminator(real, fake)
        penalty = r1(self.judge, high) if action.r1 else torch.zeros(())
        judges_norm = update(self.judge, self.judges_optimizer, verdict + penalty)
        norm = update(self.generator, self.optimizer, l1(output, high) + 0.02 * self.loss.generator(self.judge(output)))
        right, cost = self.loss.accuracy(real, fake), verdict.item() / self.loss.ignorance
        seen = Observation(*right, norm, judges_norm, relative_diversity(output, high), cost)
        return self.watch.observe(seen).reason


def update(network: nn.Module, optimizer: torch.optim.Optimizer, loss: Tensor) -> float:
    optimizer.zero_grad()
    loss.backward()
    norm = float(nn.utils.clip_grad_norm_(network.parameters(), 1.0))
    optimizer.step()
    return norm


def test_a_sane_game_is_let_be() -> None:
    game = Game(rate=2e-3, seed=0)
    said = [reason for _ in range(STEPS) if (reason := game.step())]
    assert said == []
    assert 0.55 < game.watch.accuracy < 0.95
    assert game.watch.averages["diversity"] > 0.8


@pytest.mark.parametrize("seed", [0, 1])
def test_a_discriminator_fifty_times_too_fast_is_reported_and_stopped(seed: int) -> None:
    game, said = Game(rate=50 * 2e-3, seed=seed), []
    with pytest.raises(TrainingError, match=r"adversarial training is lost after .* the discriminator"):
        said += [reason for _ in range(STEPS) if (reason := game.step())]
    assert game.watch.action.rate_factor != 1
