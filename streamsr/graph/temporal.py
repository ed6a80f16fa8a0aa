"""Flowblend as graph nodes: styled pictures hold still inside the engine that makes them.

The formula is in `blending`; on the host it is `analysis/flowblend.py`. State: the luma of the last input, at the
flow's size, and the last result. All of it stays in float32, whatever the precision of the models around it.
"""

from __future__ import annotations

from onnx import TensorProto

from ..blending import (
    CONTRAST,
    CUT,
    CUT_STEEPNESS,
    GAIN_MAX,
    NOISE,
    SENSITIVITY,
    STRENGTH,
    VARIANCE_MIN,
    flow_division,
)
from ..errors import ModelError
from .builder import GraphBuilder, Tensor
from .colorspace import matrix_from_rgb
from .convert import mix
from .flow import enlarged, enlarged_flow, followed, lucas_kanade
from .model import RESET
from .picture import Rgb

_OPSET_MAX = 19


def smooth(
    b: GraphBuilder, luma: Tensor, styled: Rgb, matrix: str, strength: float = STRENGTH, flow: Tensor | None = None
) -> Rgb:
    """Add the smoother to the graph: two state pairs, and `reset` if no model has declared it.

    Args:
        b: the graph under construction.
        luma: of the input, `(1, 1, H, W)`, in [0, 1] of the coded peak; fitted to the styled picture's size.
        styled: the picture to hold still.
        matrix: FFmpeg's name of the matrix whose luma carries the detail of `styled`.
        strength: how much of a picture may come from the one before, from 0 (it stays as it is) to less than 1.
        flow: `(1, 2, h, w)`, from this frame to the one before, in pixels at 1/`flow_division` of the size (rounded
            up); None to find it.

    Raises:
        ModelError: a model of the chain needs an operator set in which runtimes disagree about sampling.
    """
    if strength == 0:
        return styled
    if b.opset > _OPSET_MAX:
        raise ModelError(
            f"a model of the chain needs operator set {b.opset}, smoothing in the graph one up to {_OPSET_MAX}: "
            "export it anew at 18, or smooth on the host"
        )
    height, width = styled.tensor.shape[2:]
    now = b.shrink(b.fit(luma, height, width), flow_division(width, height))
    before, remember_luma = _state(b, now)
    past, remember_result = _state(b, styled.tensor)
    flow = lucas_kanade(b, now, before) if flow is None else flow
    weight = b.combine("Mul", _trust(b, now, followed(b, before, flow)), _same_video(b, strength))
    blended = _mixed(b, past, styled.tensor, weight, flow)
    result = _with_contrast(b, blended, styled.tensor, matrix)
    b.output(remember_luma, now, TensorProto.FLOAT)
    b.output(remember_result, result, TensorProto.FLOAT)
    return Rgb(result)


def _state(b: GraphBuilder, like: Tensor) -> tuple[Tensor, str]:
    """A state input as large as the value that will follow on it, and the name of the output for that."""
    name = f"state.{len(b.state)}"
    b.state.append((name, f"{name}.next"))
    return b.input(name, like.shape, TensorProto.FLOAT), f"{name}.next"


def _same_video(b: GraphBuilder, strength: float) -> Tensor:
    """`strength`, or 0 on the first frame after a reset."""
    declared = any(value.name == RESET for value in b.inputs)
    reset = Tensor(RESET, ()) if declared else b.input(RESET, (), TensorProto.FLOAT)
    return b.affine(b.cast(reset, TensorProto.FLOAT), -strength, strength)


def _trust(b: GraphBuilder, now: Tensor, predicted: Tensor) -> Tensor:
    """How well the input is explained by the frame before it, 0 to 1; 0 everywhere when it is another scene."""
    unexplained = b.combine("Sub", now, predicted)
    residual = b.affine(b.box(b.combine("Mul", unexplained, unexplained), 3), 3, 0)
    excess = b.combine("Max", b.affine(residual, 1, -NOISE), 0.0)
    mean = b.node("GlobalAveragePool", [residual.name], (1, 1, 1, 1))
    same_scene = b.apply("Sigmoid", b.affine(mean, -CUT_STEEPNESS, CUT_STEEPNESS * CUT))
    return b.combine("Mul", b.apply("Exp", b.affine(excess, -SENSITIVITY, 0)), same_scene)


def _mixed(b: GraphBuilder, past: Tensor, styled: Tensor, weight: Tensor, flow: Tensor) -> Tensor:
    """The picture's past, as far as that can be trusted."""
    division = flow_division(styled.shape[3], styled.shape[2])
    history = followed(b, past, enlarged_flow(b, flow, division, styled), "bicubic")
    share = enlarged(b, weight, division, styled)
    return b.combine("Add", styled, b.combine("Mul", share, b.combine("Sub", history, styled)))


def _with_contrast(b: GraphBuilder, dull: Tensor, styled: Tensor, matrix: str) -> Tensor:
    """The picture with the local contrast of the styled one's luma, in its own detail."""
    to_luma = matrix_from_rgb(matrix)[:1]
    wanted, detail = (_detail(b, mix(b, picture, to_luma)) for picture in (styled, dull))
    gain = b.apply("Sqrt", b.combine("Div", _variance(b, wanted), _variance(b, detail)))
    gain = b.affine(b.clip(b.affine(gain, CONTRAST, 0), 1, GAIN_MAX), 1, -1)
    return b.combine("Add", dull, b.combine("Mul", detail, enlarged(b, gain, 2, dull)))


def _detail(b: GraphBuilder, luma: Tensor) -> Tensor:
    return b.combine("Sub", luma, b.box(luma, 3))


def _variance(b: GraphBuilder, detail: Tensor) -> Tensor:
    """The mean square of detail around each pixel, at half the size."""
    return b.combine("Max", b.box(b.shrink(b.combine("Mul", detail, detail), 2), 3), VARIANCE_MIN)
