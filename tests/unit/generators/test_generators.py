"""What holds for every generator."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from torch.nn import functional as F  # noqa: E402

from streamsr.generators import GENERATORS  # noqa: E402
from streamsr.generators.base import CHANNELS, Generator  # noqa: E402
from streamsr.generators.padding import run_padded  # noqa: E402
from streamsr.generators.rrdb import Rrdb, RrdbConfig  # noqa: E402
from streamsr.generators.srcnn import Srcnn, SrcnnConfig  # noqa: E402
from streamsr.training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint  # noqa: E402

pytestmark = pytest.mark.torch

TINY: list[tuple[str, dict[str, Any]]] = [
    ("ecb", {"scale": 3, "width": 8, "depth": 2}),
    ("span", {"scale": 2, "width": 8, "depth": 2, "img_range": 1.0}),
    ("span", {"scale": 3, "width": 8, "depth": 2, "norm": False, "residual": True}),
    ("srvgg", {"scale": 2, "width": 8, "depth": 2}),
    ("srvgg", {"scale": 4, "width": 8, "depth": 1, "activation": "leakyrelu", "color": "luma"}),
    ("rrdb", {"scale": 4, "width": 8, "depth": 1, "growth": 4}),
    ("rrdb", {"scale": 2, "width": 8, "depth": 1, "growth": 4, "unshuffle": 2}),
    ("rrdb", {"scale": 1, "width": 8, "depth": 1, "growth": 4, "unshuffle": 4}),
    ("rrdb", {"scale": 1, "width": 8, "depth": 1, "growth": 4, "color": "luma"}),
    ("srcnn", {"scale": 2}),
    ("srcnn", {"scale": 3, "kernels": (9, 1, 5)}),
    ("style", {"styles": ("ink", "oil"), "widths": (4, 4, 4), "blocks": 1}),
    ("resnet_cyclegan", {"width": 4, "blocks": 1}),
    *(("interpolation", {"scale": 2, "method": m}) for m in ("nearest", "bilinear", "bicubic", "lanczos", "gaussian")),
]


@pytest.fixture(params=TINY, ids=lambda case: "-".join(map(str, (case[0], *case[1].values()))))
def case(request: pytest.FixtureRequest) -> tuple[str, dict[str, Any]]:
    return request.param


@pytest.fixture
def model(case: tuple[str, dict[str, Any]]) -> Generator:
    torch.manual_seed(0)
    kind = GENERATORS.load(case[0])
    model = kind(kind.Config(**case[1]))
    if hasattr(model, "freeze"):
        with torch.no_grad():
            for name in (None, *model.conditioning):
                model.train()(torch.rand(2, 3, 32, 32), *(() if name is None else told(model, name)))
            if model.conditioning:
                model(torch.rand(2, 3, 32, 32), strength=torch.zeros(1, 1))
        model.freeze()
    return model.eval()


def told(model: Generator, name: str) -> tuple[torch.Tensor, torch.Tensor]:
    """One name of a conditional generator alone, at full strength."""
    weights = [float(known == name) for known in model.conditioning]
    return torch.tensor([weights]), torch.ones(1, 1)


@torch.no_grad()
def test_shape_is_scaled_whatever_the_size(model: Generator) -> None:
    channels, scale = CHANNELS[model.color], model.scale
    for height, width in ((8, 12), (5, 7), (1, 3)):
        assert model(torch.rand(2, channels, height, width)).shape == (2, channels, scale * height, scale * width)


@torch.no_grad()
def test_deployed_network_computes_the_same(model: Generator) -> None:
    size = (9, 11) if model.multiple_of == 1 else (2 * model.multiple_of, 3 * model.multiple_of)
    x = torch.rand(1, CHANNELS[model.color], *size)
    expected = model(x)
    controls = told(model, model.conditioning[0]) if model.conditioning else ()
    torch.testing.assert_close(model.deploy()(x, *controls), expected, atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_halo_bounds_the_influence_of_a_pixel(model: Generator) -> None:
    model.double()
    side = 2 * model.halo + 9
    side -= side % 4  # whole squares, where pixels are folded
    x = torch.rand(1, CHANNELS[model.color], 4, side, dtype=torch.float64)
    for place in (side // 2, side // 2 + 1, side // 2 + 3):
        changed = x.clone()
        changed[..., place] += 0.5
        differs = (model(changed) - model(x)).abs()[0].amax((0, 1)).nonzero().flatten() // model.scale
        assert place - model.halo <= int(differs.min())
        assert int(differs.max()) <= place + model.halo


@torch.no_grad()
def test_checkpoint_builds_it_again(case: tuple[str, dict[str, Any]], model: Generator, tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "g.safetensors", Checkpoint(model.state_dict(), *case))
    again = load_checkpoint(tmp_path / "g.safetensors").build()
    x = torch.rand(1, CHANNELS[model.color], 6, 6)
    assert torch.equal(again(x), model(x))


@torch.no_grad()
def test_srcnn_is_bicubic_and_three_layers() -> None:
    from streamsr.training.degrade import bicubic_real

    torch.manual_seed(0)
    model = Srcnn(SrcnnConfig(3)).double()
    x = torch.rand(7, 6, dtype=torch.float64)
    features = torch.from_numpy(bicubic_real(x.numpy(), 3))[None, None]
    for index, conv in enumerate(model.convs):
        reach = conv.weight.shape[-1] // 2
        features = F.conv2d(F.pad(features, (reach,) * 4, mode="replicate"), conv.weight, conv.bias)
        features = features.clamp(min=0) if index < 2 else features
    torch.testing.assert_close(model(x[None, None]), features, atol=1e-6, rtol=0)


@torch.no_grad()
def test_rrdb_folds_pixels_as_pixel_unshuffle_does() -> None:
    torch.manual_seed(0)
    model = Rrdb(RrdbConfig(2, width=8, depth=1, growth=4, unshuffle=2)).eval()
    inner = Rrdb(RrdbConfig(4, width=8, depth=1, growth=4)).eval()
    inner.conv_first = model.conv_first
    inner.load_state_dict(model.state_dict())
    x = torch.rand(1, 3, 8, 6)
    torch.testing.assert_close(model(x), inner(F.pixel_unshuffle(x, 2)))


def test_rrdb_doubles_only() -> None:
    with pytest.raises(ValueError, match="power of two"):
        Rrdb(RrdbConfig(3, width=8, depth=1))


def test_padding_repeats_the_edge_and_is_cropped_again() -> None:
    x = torch.arange(15.0).view(1, 1, 3, 5)
    seen = []

    def double(padded: torch.Tensor) -> torch.Tensor:
        seen.append(padded)
        return padded.repeat_interleave(2, 2).repeat_interleave(2, 3)

    result = run_padded(double, x, 4, 2)
    assert torch.equal(seen[0], F.pad(x, (0, 3, 0, 1), mode="replicate"))
    assert torch.equal(result, x.repeat_interleave(2, 2).repeat_interleave(2, 3))
