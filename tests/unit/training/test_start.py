"""Starts: a generator takes over what another one has learned."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from streamsr.generators.span import Span, SpanConfig  # noqa: E402
from streamsr.training.checkpoint import Checkpoint, save_checkpoint  # noqa: E402
from streamsr.training.start import take_over  # noqa: E402

pytestmark = pytest.mark.torch

EXPANDED = {"scale": 2, "width": 8, "depth": 2, "gain": 2}
PLAIN = EXPANDED | {"gain": 0}


@pytest.mark.parametrize("config", [EXPANDED, PLAIN], ids=["expanded", "plain"])
def test_a_plain_network_starts_from_any_form_of_another(config: dict[str, int], tmp_path: Path) -> None:
    torch.manual_seed(0)
    parent, child = Span(SpanConfig(**config)), Span(SpanConfig(**PLAIN))
    save_checkpoint(tmp_path / "parent.safetensors", Checkpoint(parent.state_dict(), "span", config))
    take_over(child, tmp_path / "parent.safetensors")
    x = torch.rand(1, 3, 8, 8)
    torch.testing.assert_close(child(x), parent(x), atol=1e-5, rtol=1e-5)


def test_another_scale_leaves_only_the_last_convolution_fresh(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    parent, child = Span(SpanConfig(**EXPANDED)), Span(SpanConfig(**PLAIN | {"scale": 4}))
    save_checkpoint(tmp_path / "parent.safetensors", Checkpoint(parent.state_dict(), "span", EXPANDED))
    take_over(child, tmp_path / "parent.safetensors")
    torch.testing.assert_close(child.conv_1.weight, parent.collapsed().conv_1.weight)
    assert "['upsampler.0.bias', 'upsampler.0.weight']" in caplog.text
