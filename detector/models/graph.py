"""Write a vision transformer with a linear probe on its blocks as one ONNX graph, node by node.

By hand rather than traced: initialisers keep timm's parameter names, so the torch engine reads the same file; matrices
stay int8 in the file (int8 -> Cast -> Mul scale, which ONNX Runtime folds once at load); nothing but standard operators.
Needs `onnx`; the light runtime never gets here.

Source: ONNX operators, opset 18; the block order of timm's `VisionTransformer`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from detector.models.quantised import QuantisedMatrix, quantise

OPSET = 18
INT8_SUFFIX = ".int8"
SCALE_SUFFIX = ".scale"


@dataclass(frozen=True, slots=True)
class Shape:
    """What the graph must know of a vision transformer."""

    size: int
    patch: int
    width: int
    heads: int
    blocks: int
    """Blocks that are computed; those after the last one that the probe reads are left out of the file."""
    epsilon: float = 1e-5

    @property
    def tokens(self) -> int:
        """Class token and patches."""
        return 1 + (self.size // self.patch) ** 2


@dataclass(frozen=True, slots=True)
class Probe:
    """A linear map from block statistics to one logit per view."""

    weight: NDArray[np.float32]
    """Shape (blocks, statistics, width); an all-zero vector is not computed."""
    bias: float


@dataclass(slots=True)
class _Graph:
    nodes: list[Any] = field(default_factory=list)
    initialisers: dict[str, NDArray[Any]] = field(default_factory=dict)

    def add(self, operator: str, *inputs: str, **attributes: Any) -> str:  # noqa: ANN401
        output = f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(inputs), [output], **attributes))
        return output

    def constant(self, name: str, value: NDArray[Any]) -> str:
        self.initialisers.setdefault(name, value)
        return name

    def integers(self, *values: int) -> str:
        return self.constant("i" + "_".join(str(value) for value in values), np.asarray(values, np.int64))

    def matrix(self, name: str, weight: NDArray[np.float32], after: str) -> str:
        """A float32 (out, in) matrix, stored as int8 and scale, dequantised only once the tensor `after` is there.

        ONNX Runtime runs whatever has its inputs first: left alone, it dequantises all matrices before the first block
        and holds 340 MB more. A factor of one that it cannot know before `after` exists keeps one block's at a time.
        """
        stored = quantise(weight)
        values = self.constant(name + INT8_SUFFIX, stored.values)
        scale = self.constant(name + SCALE_SUFFIX, stored.scale)
        count = self.add("Shape", after, start=0, end=1)
        one = self.add("Cast", self.add("Min", count, self.integers(1)), to=TensorProto.FLOAT)
        return self.add("DequantizeLinear", values, self.add("Mul", scale, one), axis=0)


def build_graph(state: Mapping[str, NDArray[np.float32]], shape: Shape, probe: Probe) -> onnx.ModelProto:
    """One ONNX model: `images` float32 (N, 3, size, size) to `logits` float32 (N,).

    Args:
        state: Parameters by timm's names, float32.
        shape: Of the transformer.
        probe: Read after each block, before the final norm.
    """
    graph = _Graph()
    tokens = _embed(graph, state, shape)
    pieces: list[str] = []
    weights: list[NDArray[np.float32]] = []
    for index in range(shape.blocks):
        tokens = _block(graph, state, shape, f"blocks.{index}.", tokens)
        for statistic, weight in enumerate(probe.weight[index]):
            if weight.any():
                pieces.append(_statistic(graph, tokens, statistic))
                weights.append(weight)
    features = graph.add("Concat", *pieces, axis=1) if len(pieces) > 1 else pieces[0]
    column = graph.constant("probe.weight", np.concatenate(weights)[:, None].astype(np.float32))
    bias = graph.constant("probe.bias", np.asarray([probe.bias], np.float32))
    graph.add("Squeeze", graph.add("Gemm", features, column, bias), graph.integers(1))
    graph.nodes[-1].output[0] = "logits"
    return _model(graph, shape)


def parameters(model: onnx.ModelProto) -> dict[str, NDArray[np.float32]]:
    """Parameters by timm's names, matrices dequantised and turned to timm's (out, in); and the probe's."""
    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    found: dict[str, NDArray[np.float32]] = {}
    for name, value in stored.items():
        if name.endswith(INT8_SUFFIX):
            base = name.removesuffix(INT8_SUFFIX)
            found[base] = QuantisedMatrix(value, stored[base + SCALE_SUFFIX]).dequantised()
        elif value.dtype == np.float32 and not name.endswith(SCALE_SUFFIX):
            found[name] = value
    return found


def _embed(graph: _Graph, state: Mapping[str, NDArray[np.float32]], shape: Shape) -> str:
    kernel = graph.constant("patch_embed.proj.weight", state["patch_embed.proj.weight"])
    patches = graph.add("Conv", "images", kernel, strides=[shape.patch, shape.patch], kernel_shape=[shape.patch] * 2)
    side = shape.size // shape.patch
    patches = graph.add("Reshape", patches, graph.integers(0, shape.width, side * side))
    patches = graph.add("Transpose", patches, perm=[0, 2, 1])
    count = graph.add("Shape", patches, start=0, end=1)
    whole = graph.add("Concat", count, graph.integers(1, shape.width), axis=0)
    first = graph.add("Expand", graph.constant("cls_token", state["cls_token"]), whole)
    tokens = graph.add("Concat", first, patches, axis=1)
    tokens = graph.add("Add", tokens, graph.constant("pos_embed", state["pos_embed"]))
    return _norm(graph, state, "norm_pre", tokens, shape)


def _block(graph: _Graph, state: Mapping[str, NDArray[np.float32]], shape: Shape, prefix: str, tokens: str) -> str:
    mixed = _attention(graph, state, shape, prefix + "attn.", _norm(graph, state, prefix + "norm1", tokens, shape))
    tokens = graph.add("Add", tokens, mixed)
    hidden = _linear(graph, state, shape, prefix + "mlp.fc1", _norm(graph, state, prefix + "norm2", tokens, shape))
    slope = graph.constant("quick_gelu.slope", np.asarray(1.702, np.float32))
    hidden = graph.add("Mul", hidden, graph.add("Sigmoid", graph.add("Mul", hidden, slope)))
    return graph.add("Add", tokens, _linear(graph, state, shape, prefix + "mlp.fc2", hidden))


def _attention(graph: _Graph, state: Mapping[str, NDArray[np.float32]], shape: Shape, prefix: str, tokens: str) -> str:
    joint = _linear(graph, state, shape, prefix + "qkv", tokens)
    depth = shape.width // shape.heads
    joint = graph.add("Reshape", joint, graph.integers(0, 0, 3, shape.heads, depth))
    joint = graph.add("Transpose", joint, perm=[2, 0, 3, 1, 4])
    query, key, value = (
        graph.add("Gather", joint, graph.constant(f"at{part}", np.asarray(part, np.int64)), axis=0) for part in range(3)
    )
    query = graph.add("Mul", query, graph.constant("attention.scale", np.asarray(depth**-0.5, np.float32)))
    weights = graph.add("MatMul", query, graph.add("Transpose", key, perm=[0, 1, 3, 2]))
    seen = graph.add("MatMul", graph.add("Softmax", weights, axis=-1), value)
    seen = graph.add("Transpose", seen, perm=[0, 2, 1, 3])
    seen = graph.add("Reshape", seen, graph.integers(0, 0, shape.width))
    return _linear(graph, state, shape, prefix + "proj", seen)


def _linear(graph: _Graph, state: Mapping[str, NDArray[np.float32]], shape: Shape, name: str, tokens: str) -> str:
    weight, bias = state[name + ".weight"], state[name + ".bias"]
    flat = graph.add("Reshape", tokens, graph.integers(-1, weight.shape[1]))
    stored = graph.matrix(name + ".weight", weight, after=flat)
    product = graph.add("Gemm", flat, stored, graph.constant(name + ".bias", bias), transB=1)
    return graph.add("Reshape", product, graph.integers(-1, shape.tokens, weight.shape[0]))


def _norm(graph: _Graph, state: Mapping[str, NDArray[np.float32]], name: str, tokens: str, shape: Shape) -> str:
    weight = graph.constant(name + ".weight", state[name + ".weight"])
    bias = graph.constant(name + ".bias", state[name + ".bias"])
    return graph.add("LayerNormalization", tokens, weight, bias, axis=-1, epsilon=shape.epsilon)


def _statistic(graph: _Graph, tokens: str, statistic: int) -> str:
    """Class token, mean or deviation of the patch tokens, shape (N, width); see `detector.models.tower.STATISTICS`."""
    if statistic == 0:
        return graph.add("Gather", tokens, graph.constant("at0", np.asarray(0, np.int64)), axis=1)
    patches = graph.add("Slice", tokens, graph.integers(1), graph.integers(2**31 - 1), graph.integers(1))
    if statistic == 1:
        return graph.add("ReduceMean", patches, graph.integers(1), keepdims=0)
    centred = graph.add("Sub", patches, graph.add("ReduceMean", patches, graph.integers(1), keepdims=1))
    squared = graph.add("Mul", centred, centred)
    return graph.add("Sqrt", graph.add("ReduceMean", squared, graph.integers(1), keepdims=0))


def _model(graph: _Graph, shape: Shape) -> onnx.ModelProto:
    images = helper.make_tensor_value_info("images", TensorProto.FLOAT, ["N", 3, shape.size, shape.size])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N"])
    initialisers: Sequence[TensorProto] = [numpy_helper.from_array(value, name) for name, value in graph.initialisers.items()]
    proto = helper.make_graph(graph.nodes, "detector", [images], [logits], initialisers)
    # IR version 10: the newest that the oldest supported runtime reads.
    model = helper.make_model(proto, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=10, producer_name="assay")
    onnx.checker.check_model(model)
    return model
