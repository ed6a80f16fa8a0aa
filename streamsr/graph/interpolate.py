"""Two models of one architecture, mixed: between what is faithful and what looks detailed.

The weights are averaged, as in network interpolation (Wang et al., "ESRGAN", ECCV Workshops 2018, section 3.4; "Deep
Network Interpolation", CVPR 2019): where one network was fine-tuned from the other, the mixtures in between are good
networks too, at the cost of one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import onnx
from onnx import numpy_helper

from ..errors import ConfigError, ModelError
from .model import Model


def interpolated(faithful: Model, detailed: Model, detail: float) -> Model:
    """The network with the weights `(1 - detail) * faithful + detail * detailed`.

    Weights belong together by name; everything that is not a float must be the same in both.

    Raises:
        ConfigError: `detail` is not within 0..1.
        ModelError: the two are not the same architecture, or not both in float.
    """
    check_detail(detail)
    _check_alike(faithful, detailed)
    proto = onnx.ModelProto()
    proto.CopyFrom(faithful.proto)
    others = {tensor.name: tensor for tensor in detailed.proto.graph.initializer}
    for tensor in proto.graph.initializer:
        mine, other = numpy_helper.to_array(tensor), numpy_helper.to_array(others[tensor.name])
        if np.issubdtype(mine.dtype, np.floating):
            mixed = (1 - detail) * mine.astype(np.float64) + detail * other.astype(np.float64)
            tensor.CopyFrom(numpy_helper.from_array(mixed.astype(mine.dtype), tensor.name))
    return Model(replace(faithful.spec, name=f"{faithful.spec.name}@{detail:g}"), proto)


def check_detail(detail: float) -> None:
    """See that a share is one.

    Raises:
        ConfigError: it is not within 0..1.
    """
    if not 0 <= detail <= 1:
        raise ConfigError(f"detail {detail:g} is not within 0 (faithful) and 1 (detailed)")


def _check_alike(first: Model, second: Model) -> None:
    both = f"{first.spec.name!r} and {second.spec.name!r} cannot be mixed"
    for name in ("task", "scale", "color", "multiple_of", "state", "conditioning"):
        mine, other = getattr(first.spec, name), getattr(second.spec, name)
        if mine != other:
            raise ModelError(f"{both}: their {name} is {mine} and {other}")
    for model in (first, second):
        if any(node.op_type == "QuantizeLinear" for node in model.proto.graph.node):
            raise ModelError(f"{both}: {model.spec.name!r} is quantized; mix the float models and quantize the result")
    for mine, other in zip(_nodes(first.proto), _nodes(second.proto), strict=False):
        if mine != other:
            raise ModelError(f"{both}: their networks differ, at {mine[1] or mine[0]!r}")
    if len(first.proto.graph.node) != len(second.proto.graph.node):
        raise ModelError(f"{both}: their networks have different numbers of steps")
    _check_constants(first.proto, second.proto, both)


def _nodes(proto: onnx.ModelProto) -> Iterator[tuple[str, str, tuple[str, ...], tuple[str, ...], list[bytes]]]:
    """What every node is and how it is connected."""
    for node in proto.graph.node:
        given = sorted(attribute.SerializeToString(deterministic=True) for attribute in node.attribute)
        yield node.op_type, node.name, tuple(node.input), tuple(node.output), given


def _check_constants(first: onnx.ModelProto, second: onnx.ModelProto, both: str) -> None:
    mine, others = ({tensor.name: tensor for tensor in proto.graph.initializer} for proto in (first, second))
    for name in sorted(mine.keys() ^ others.keys()):
        raise ModelError(f"{both}: only one of them has the weights {name!r}")
    for name, tensor in mine.items():
        a, b = numpy_helper.to_array(tensor), numpy_helper.to_array(others[name])
        if (a.shape, a.dtype) != (b.shape, b.dtype):
            raise ModelError(f"{both}: {name!r} is {a.shape} {a.dtype} in one and {b.shape} {b.dtype} in the other")
        if not np.issubdtype(a.dtype, np.floating) and not np.array_equal(a, b):
            raise ModelError(f"{both}: {name!r} has other values in the one than in the other")
