"""The two forms of the smoother, on the host and in the graph, show the same pictures."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from streamsr.analysis.flow import FlowPlanes, lucas_kanade, shrunk
from streamsr.analysis.flowblend import FlowBlend
from streamsr.analysis.temporal.meter import TemporalMeter, TemporalScore
from streamsr.analysis.temporal.steps import Moment, steps
from streamsr.blending import flow_division
from streamsr.color import Color
from streamsr.engines.available import load_backend
from streamsr.engines.backend import CompileOptions
from streamsr.graph import StreamFormat, to_planes, to_tensors
from streamsr.layout import pixel_layout
from streamsr.media.open import open_source
from streamsr.media.rgb import frame_rgb
from tests.flicker import Planes, luma_of, pan, posterized, psnr, rgb_of, yuv_planes
from tests.unit.graph.smoothing import smoothing_graph

BACKENDS = ["onnxruntime", "openvino"]
LAYOUTS = ["yuv420p", "yuv444p", "nv12", "yuv420p10le"]
PARITY = 40.0


class Film:
    """What both forms are given: luma of the input, and planes of what a flickering stylizer makes of it."""

    def __init__(self, frames: list[np.ndarray], layout: str = "yuv420p") -> None:
        self.frames = frames
        self.height, self.width = frames[0].shape[:2]
        self.format = StreamFormat(
            self.width, self.height, pixel_layout(layout), Color("smpte170m", "pc", siting="center")
        )
        self.luma = [luma_of(rgb) for rgb in frames]
        self.styled = [yuv_planes(posterized(rgb, i), self.format.layout) for i, rgb in enumerate(frames)]

    def flows(self) -> list[FlowPlanes]:
        """From each frame to the one before; the first one's leads nowhere in particular."""
        division = flow_division(self.width, self.height)
        small = [shrunk(luma.astype(np.float32), division) / np.float32(255) for luma in self.luma]
        return [lucas_kanade(now, before) for before, now in itertools.pairwise([small[0], *small])]

    def on_host(self, flows: list[FlowPlanes] | None = None) -> Iterator[Planes]:
        blend = FlowBlend(self.format.layout, self.width, self.height)
        for luma, styled, flow in zip(self.luma, self.styled, flows or itertools.repeat(None), strict=False):
            yield blend(luma, styled, flow)

    def in_graph(self, backend: str, flows: list[FlowPlanes] | None = None) -> Iterator[Planes]:
        graph = smoothing_graph(self.format, given_flow=flows is not None)
        with closing(load_backend(backend).build(graph, "fp32", CompileOptions(threads=1))) as engine:
            given = [[np.stack(flow)[None]] for flow in flows] if flows else itertools.repeat([])
            for luma, styled, flow in zip(self.luma, self.styled, given, strict=False):
                ticket = engine.submit((*to_tensors(styled, self.format.layout), luma, *flow))
                yield to_planes(engine.result(ticket), self.format.layout)

    def score(self, results: list[Planes]) -> TemporalScore:
        meter = TemporalMeter()
        moments = zip(self.frames, map(rgb_of, results), map(rgb_of, self.styled), strict=True)
        for step in steps(itertools.starmap(Moment, moments)):
            meter.add(step)
        return meter.score()

    def agreement(self, ours: Iterator[Planes], theirs: Iterator[Planes]) -> float:
        """The lowest PSNR of any plane of any frame."""
        peak = self.format.layout.peak
        pairs = zip(ours, theirs, strict=True)
        return min(psnr(a, b, peak) for pair in pairs for a, b in zip(*pair, strict=True))


def read(clip: Path, start: int, count: int) -> list[np.ndarray]:
    with closing(open_source(clip)) as source:
        return [frame_rgb(frame) for frame in itertools.islice(source, start, start + count)]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_they_agree_on_the_same_flow(backend: str, layout: str) -> None:
    film = Film(pan(12, 62, 94), layout)
    flows = film.flows()
    assert film.agreement(film.on_host(flows), film.in_graph(backend, flows)) > PARITY


@pytest.mark.parametrize("backend", BACKENDS)
def test_they_find_the_same_flow(backend: str) -> None:
    film = Film(pan(12, 72, 96, step=(2, 3)))
    assert film.agreement(film.on_host(), film.in_graph(backend)) > PARITY


@pytest.mark.shared
@pytest.mark.parametrize(("backend", "count"), [("openvino", 100), ("onnxruntime", 30)])
def test_they_agree_over_a_real_clip(shared_data: Path, backend: str, count: int) -> None:
    film = Film(read(shared_data / "videos" / "flipping_a_pancake.mkv", 60, count))
    flows = film.flows()
    assert film.agreement(film.on_host(flows), film.in_graph(backend, flows)) > PARITY


@pytest.mark.shared
def test_they_are_equally_still_and_equally_sharp(shared_data: Path) -> None:
    film = Film(read(shared_data / "videos" / "flipping_a_pancake.mkv", 60, 24))
    host, graph = film.score(list(film.on_host())), film.score(list(film.in_graph("openvino")))
    assert graph.e_warp == pytest.approx(host.e_warp, rel=0.2)
    assert graph.sharpness == pytest.approx(host.sharpness, rel=0.2)
    assert host.e_warp_reference is not None
    assert host.e_warp < host.e_warp_reference / 6
    assert host.sharpness > 0.8
    assert host.e_n < host.e_warp_reference / 5


@pytest.mark.shared
@pytest.mark.parametrize("form", ["host", "graph"])
def test_a_cut_leaves_no_ghost(shared_data: Path, form: str) -> None:
    """The first frame of the new scene is that of the stylizer, within 35 dB."""
    cut = 137
    film = Film(read(shared_data / "videos" / "bikes.mp4", cut - 6, 8))
    results = list(film.on_host() if form == "host" else film.in_graph("onnxruntime"))
    assert psnr(results[5][0], film.styled[5][0]) < 35, "smoothed until then"
    assert min(map(psnr, results[6], film.styled[6])) > 35
