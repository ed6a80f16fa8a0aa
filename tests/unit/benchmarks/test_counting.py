from __future__ import annotations

import numpy as np
import pytest
from onnx import numpy_helper

from benchmarks.counting import count
from streamsr.graph.model import load_model
from streamsr.zoo import catalog
from tests.nets import rgb_sr_net


def test_a_plain_network_has_the_weights_and_operations_of_its_convolutions() -> None:
    model = rgb_sr_net(channels=16, convs=3, scale=2)
    kernels = [3 * 16, 16 * 16, 16 * 12]
    counted = count(model)
    assert counted.weights == sum(9 * kernel for kernel in kernels) + 16 + 16 + 12
    assert counted.macs == sum(9 * kernel for kernel in kernels) / 4  # at low resolution, per output pixel


def test_int8_has_the_size_of_the_network_it_comes_from() -> None:
    entry = catalog.resolve("live-x2")
    plain, quantized = (count(load_model(path)) for path in (entry.path, entry.variants["int8"]))
    assert plain == quantized


@pytest.mark.parametrize("name", catalog.names("sr"))
def test_the_manifest_says_how_many_weights_a_model_has(name: str) -> None:
    entry = catalog.resolve(name)
    assert entry.facts is not None
    model = load_model(entry.path)
    fixed = count(model).weights - entry.facts.weights  # of an interpolation, and of the one that SRCNN begins with
    if entry.facts.weights and fixed:
        first = next(node for node in model.proto.graph.node if node.op_type == "Conv")
        sizes = {tensor.name: numpy_helper.to_array(tensor).size for tensor in model.proto.graph.initializer}
        fixed -= int(np.sum([sizes[each] for each in first.input[1:]]))
        assert fixed == 0


def test_counting_leaves_the_model_as_it_is() -> None:
    model = rgb_sr_net(channels=16, convs=3, scale=2)
    before = model.proto.SerializeToString(deterministic=True)
    count(model)
    assert model.proto.SerializeToString(deterministic=True) == before
