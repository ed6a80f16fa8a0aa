"""What a plan consists of: its layers after fusion, their types, shapes and kernels."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import EngineError
from .plan import Flavour, load_flavour
from .plan_log import recorder, refusal


@dataclass(frozen=True, slots=True)
class LayerTensor:
    """What a layer reads or writes."""

    name: str
    dtype: str
    """As TensorRT calls it: `Half`, `Float`, `UInt8`, …; empty where it does not say."""
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer of a plan: what is launched as one."""

    name: str
    kind: str
    """TensorRT's type of layer: `correlation` is a convolution, `kgen` pointwise code made for the place, …"""
    tactic: str
    """The kernel; for RTX a placeholder where it is chosen on the device."""
    inputs: tuple[LayerTensor, ...]
    outputs: tuple[LayerTensor, ...]
    nodes: tuple[str, ...]
    """Nodes of the ONNX graph that it computes; several where they were fused."""

    @property
    def precision(self) -> str:
        """The type it writes."""
        return self.outputs[0].dtype if self.outputs else ""


_LINE = re.compile(
    r"^Name: (?P<name>.*?), LayerType: (?P<kind>.*?), Inputs: \[(?P<inputs>.*?)\], Constants: .*?"
    r"Outputs: \[(?P<outputs>.*?)\], TacticName: (?P<tactic>.*?), StreamId: .*?(?:, Metadata: (?P<nodes>.*))?$",
    re.MULTILINE,
)
_TENSOR = re.compile(r"Name: (?P<name>.*?), Dimensions: \[(?P<shape>.*?)\].*?Datatype: (?P<dtype>\w+)")
_NODE = re.compile(r"\[ONNX Layer: (.*?)\]")
_DTYPES = {"FP32": "Float", "FP16": "Half", "BF16": "BFloat16", "INT8": "Int8", "UINT8": "UInt8", "INT32": "Int32"}


def parse_listing(text: str) -> tuple[Layer, ...]:
    """Layers from the list that TensorRT's builder logs; none from a text that has none."""
    return tuple(
        Layer(
            found["name"],
            found["kind"],
            found["tactic"],
            tuple(_listed(found["inputs"])),
            tuple(_listed(found["outputs"])),
            tuple(_NODE.findall(found["nodes"] or "")),
        )
        for found in _LINE.finditer(text)
    )


def layer_report(plan: bytes, flavour: Flavour) -> tuple[Layer, ...]:
    """Layers as the library's inspector reads them off a plan; needs a GPU that the plan is for.

    Without one, `build_plan` tells `layers` what the builder says. Shapes and kernels need a plan that was built with
    `PlanOptions.detailed`.

    Raises:
        EngineError: the plan does not load here; without a GPU, none does.
        MissingDependencyError: the library is not installed.
    """
    trt: Any = load_flavour(flavour)
    said = recorder(trt)
    said.begin()
    engine = trt.Runtime(said).deserialize_cuda_engine(plan)
    if engine is None:
        raise EngineError(str(refusal(f"{flavour} cannot load the plan to inspect it", said.complaints())))
    report = json.loads(engine.create_engine_inspector().get_engine_information(trt.LayerInformationFormat.JSON))
    return parse_inspection(report)


def parse_inspection(report: Mapping[str, Any]) -> tuple[Layer, ...]:
    """Layers from the inspector's JSON; of a plan that tells names alone, there is only those."""
    return tuple(_inspected(layer) for layer in report["Layers"])


def _inspected(layer: Mapping[str, Any] | str) -> Layer:
    if isinstance(layer, str):
        return Layer(layer, "", "", (), (), ())
    inputs, outputs = (tuple(map(_tensor, layer.get(key, ()))) for key in ("Inputs", "Outputs"))
    nodes = tuple(_NODE.findall(layer.get("Metadata", "")))
    return Layer(layer["Name"], layer.get("LayerType", ""), layer.get("TacticName", ""), inputs, outputs, nodes)


def _tensor(value: Mapping[str, Any]) -> LayerTensor:
    described = str(value.get("Format/Datatype", value.get("Datatype", "")))
    short = next((name for mark, name in _DTYPES.items() if mark in described.upper().split()), described)
    return LayerTensor(value["Name"], short, tuple(value.get("Dimensions", ())))


def _listed(text: str) -> Iterator[LayerTensor]:
    for found in _TENSOR.finditer(text):
        shape = tuple(int(size) for size in found["shape"].split(",") if size.strip())
        yield LayerTensor(found["name"], found["dtype"], shape)
