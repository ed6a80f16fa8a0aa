"""Bias correction: what rounding adds to a channel on average is taken off its bias.

Nagel et al., "Data-free quantization through weight equalization and bias correction" (ICCV 2019), in the form that
measures on real images. Without it a flat area comes out with a pattern, since every output channel is one phase of
the pixels and has a rounding error of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import onnx
from onnx import numpy_helper

from .calibrate import Range, observe
from .qdq import quantizable, with_qdq
from .samples import Sample


def corrected(proto: onnx.ModelProto, ranges: Mapping[str, Range], samples: Sequence[Sample]) -> onnx.ModelProto:
    """`proto` with biases for which `with_qdq(result, ranges)` has the channel means that `proto` has now.

    Convolutions are corrected in order, each with the ones before it corrected already.
    """
    result = onnx.ModelProto()
    result.CopyFrom(proto)
    biases = {tensor.name: tensor for tensor in result.graph.initializer}
    convs = [node for node in proto.graph.node if quantizable(proto, node, ranges) and len(node.input) > 2]
    wanted = observe(proto, [node.output[0] for node in convs], samples)
    for node in convs:
        output, name = node.output[0], node.input[2]
        actual = observe(with_qdq(result, ranges), [output], samples)[output]
        bias = numpy_helper.to_array(biases[name]) + wanted[output].means - actual.means
        biases[name].CopyFrom(numpy_helper.from_array(np.asarray(bias, np.float32), name))
    return result
