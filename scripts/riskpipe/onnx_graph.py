"""Writes the encoder as an ONNX graph, node by node, in float32 or with static int8 matrices.

The graph is built by hand because its exact shape decides the speed (measured on ONNX Runtime 1.31, one thread):
Add + LayerNormalization beats the fused SkipLayerNormalization; `QuantizeLinear` with zero point 0 is the ReLU;
fixed activation scales keep every row's result independent of its batch neighbours, which dynamic int8 does not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from riskpipe.labels import N_LOGITS, OUTPUTS
from riskpipe.model import MASKED, N_DOUBTS, PAIR_FACTORS, ModelConfig, doubt_weights

FloatArray = npt.NDArray[np.float32]
CONTRIB = "com.microsoft"
OPSET = 18
IR_VERSION = 9


@dataclass(frozen=True)
class ActivationRange:
    """Range of the values that enter a linear layer, for its int8 form."""

    low: float
    high: float

    def quantisation(self) -> tuple[np.float32, np.uint8]:
        """(scale, zero point) that map [low, high], widened to hold 0, onto 0..255."""
        low, high = min(self.low, 0.0), max(self.high, 0.0)
        scale = max(high - low, 1e-6) / 255
        return np.float32(scale), np.uint8(round(-low / scale))


@dataclass
class GraphWriter:
    """Collects nodes and constants and names what they produce; `prefix` keeps the names of a branch its own."""

    prefix: str = ""
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: list[onnx.TensorProto] = field(default_factory=list)

    def constant(self, value: npt.ArrayLike, dtype: npt.DTypeLike = np.float32) -> str:
        """Adds an initialiser."""
        name = f"{self.prefix}constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.array(value, dtype=dtype, order="C"), name))
        return name

    def node(self, operator: str, inputs: Sequence[str], domain: str = "", **attributes: object) -> str:
        """Adds a node with one output."""
        return self.nodes_out(operator, inputs, 1, domain, **attributes)[0]

    def nodes_out(
        self, operator: str, inputs: Sequence[str], outputs: int, domain: str = "", **attributes: object
    ) -> list[str]:
        """Adds a node with several outputs."""
        name = f"{self.prefix}{operator.lower()}_{len(self.nodes)}"
        names = [f"{name}_{number}" for number in range(outputs)]
        self.nodes.append(helper.make_node(operator, inputs, names, name=name, domain=domain, **attributes))
        return names


@dataclass(frozen=True)
class EncoderGraph:
    """The graph of one set of weights; `ranges` by linear layer makes it int8, None leaves it float32."""

    config: ModelConfig
    weights: Mapping[str, FloatArray]
    ranges: Mapping[str, ActivationRange] | None = None

    def build(self) -> onnx.ModelProto:
        """The whole model: input_ids and attention_mask int64 [rows, tokens] to the logits of the heads.

        The linear part reads every row. The transformer reads those that it leaves open, in a branch that does not run where
        there are none.
        """
        graph = GraphWriter()
        pairs, novelty = self._pairs(graph)
        settled = graph.node("Add", [pairs, self._dense(graph, pairs, "early_exit")])
        opened = self._open_rows(graph, pairs)
        some = graph.node("Greater", [graph.node("Size", [opened]), graph.constant(0, np.int64)])
        branches = {"then_branch": self._read(pairs, settled, opened), "else_branch": self._leave(settled)}
        logits = graph.node("If", [some], **branches)
        outputs = graph.node("Concat", [logits, novelty], axis=1)
        sizes = graph.constant([width for _, width in OUTPUTS], np.int64)
        names = [name for name, _ in OUTPUTS]
        graph.nodes.append(helper.make_node("Split", [outputs, sizes], names, name="heads", axis=1))
        return self._model(graph)

    def _open_rows(self, graph: GraphWriter, pairs: str) -> str:
        """Numbers of the rows that the linear part does not settle [open rows]; its logits are [rows, 23]."""
        margins = graph.node("MatMul", [pairs, graph.constant(doubt_weights().numpy().T)])
        doubts = graph.node("GreaterOrEqual", [margins, graph.constant(self.weights["early_exit.cuts"])])
        marked = graph.node("Equal", ["input_ids", graph.constant(self.config.text_marker, np.int64)])
        always = graph.constant([False] * (N_DOUBTS - 1) + [True], np.bool_)
        no_text = graph.node("Equal", [self._any(graph, marked, keepdims=1), graph.constant(0, np.int64)])
        counted = graph.node("And", [doubts, graph.node("Or", [no_text, always])])
        found = graph.node("NonZero", [self._any(graph, counted, keepdims=0)])
        return graph.node("Reshape", [found, graph.constant([-1], np.int64)])

    def _any(self, graph: GraphWriter, truths: str, keepdims: int) -> str:
        """Whether any of a row's values [rows, n] is true, as 0 or 1."""
        numbers = graph.node("Cast", [truths], to=TensorProto.INT64)
        return graph.node("ReduceMax", [numbers, graph.constant([1], np.int64)], keepdims=keepdims)

    def _read(self, pairs: str, settled: str, opened: str) -> onnx.GraphProto:
        """The branch in which the transformer reads the open rows: `settled` [rows, 23] with theirs replaced."""
        graph = GraphWriter("read_")
        ids, mask, linear = (graph.node("Gather", [name, opened]) for name in ("input_ids", "attention_mask", pairs))
        pooled = graph.node("Gather", [self._encode(graph, ids, mask), graph.constant(0, np.int64)], axis=1)
        logits = graph.node("Add", [self._dense(graph, pooled, "classifier"), linear])
        numbers = graph.node("Unsqueeze", [opened, graph.constant([1], np.int64)])
        return self._branch(graph, graph.node("ScatterND", [settled, numbers, logits]))

    def _leave(self, settled: str) -> onnx.GraphProto:
        """The branch in which no row is open."""
        graph = GraphWriter("leave_")
        return self._branch(graph, graph.node("Identity", [settled]))

    def _branch(self, graph: GraphWriter, output: str) -> onnx.GraphProto:
        outputs = [helper.make_tensor_value_info(output, TensorProto.FLOAT, ["rows", N_LOGITS])]
        return helper.make_graph(graph.nodes, f"{graph.prefix}branch", [], outputs, graph.constants)

    def _encode(self, graph: GraphWriter, ids: str, mask: str) -> str:
        """Ids and mask [rows, tokens] -> the last block's state of the first token [rows, 1, H]."""
        bias = self._mask_bias(graph, mask)
        stream = hidden = self._norm(graph, self._embed(graph, ids), "norm_embedding")
        for number in range(self.config.layers):
            prefix = f"blocks.{number}"
            last = number == self.config.layers - 1
            mixed = self._attention(graph, hidden, bias, prefix, first_only=last)
            # Only the first token is read off the last block: its other tokens are keys and values, nothing more.
            stream = graph.node("Add", [self._first(graph, stream) if last else stream, mixed])
            hidden = self._norm(graph, stream, f"{prefix}.norm_attention")
            stream = graph.node("Add", [stream, self._feed_forward(graph, hidden, prefix)])
            hidden = self._norm(graph, stream, f"{prefix}.norm_feed_forward")
        return hidden

    def _embed(self, graph: GraphWriter, ids: str) -> str:
        """Token plus position embeddings [rows, tokens, H]."""
        table = self.weights["tokens.weight"]
        if self.ranges is None:
            tokens = graph.node("Gather", [graph.constant(table), ids])
        else:
            scales = np.maximum(np.abs(table).max(axis=1, keepdims=True), 1e-6) / 127
            rounded = graph.constant(np.rint(table / scales), np.int8)
            looked_up = graph.node("Cast", [graph.node("Gather", [rounded, ids])], to=TensorProto.FLOAT)
            tokens = graph.node("Mul", [looked_up, graph.node("Gather", [graph.constant(scales), ids])])
        length = graph.node("Shape", [ids], start=1, end=2)
        zero = graph.constant([0], np.int64)
        positions = graph.node("Slice", [graph.constant(self.weights["positions"]), zero, length, zero])
        return graph.node("Add", [tokens, positions])

    def _mask_bias(self, graph: GraphWriter, mask: str) -> str:
        """0 where a token is real and a large negative number where it is padding [rows, 1, 1, tokens]."""
        real = graph.node("Cast", [mask], to=TensorProto.FLOAT)
        padding = graph.node("Sub", [graph.constant(1.0), real])
        scaled = graph.node("Mul", [padding, graph.constant(MASKED)])
        return graph.node("Unsqueeze", [scaled, graph.constant([1, 2], np.int64)])

    def _norm(self, graph: GraphWriter, value: str, name: str) -> str:
        weight, bias = (graph.constant(self.weights[f"{name}.{part}"]) for part in ("weight", "bias"))
        return graph.node("LayerNormalization", [value, weight, bias], axis=-1, epsilon=1e-5)

    def _first(self, graph: GraphWriter, value: str) -> str:
        """The first token of every row [rows, 1, H]."""
        return graph.node("Gather", [value, graph.constant([0], np.int64)], axis=1)

    def _linear(
        self,
        graph: GraphWriter,
        value: str,
        name: str,
        factor: FloatArray | float = 1.0,
        columns: slice = slice(None),
    ) -> str:
        """Value @ weight.T + bias for the chosen output columns, with `factor` on every column folded in."""
        weight = (self.weights[f"{name}.weight"].T * factor).astype(np.float32)[:, columns]
        bias = (self.weights[f"{name}.bias"] * factor).astype(np.float32)[columns]
        if self.ranges is None:
            return graph.node("Add", [graph.node("MatMul", [value, graph.constant(weight)]), graph.constant(bias)])
        scale, zero = self.ranges[name].quantisation()
        scale_name, zero_name = graph.constant(scale), graph.constant(zero, np.uint8)
        quantised = graph.node("QuantizeLinear", [value, scale_name, zero_name])
        column_scale = np.maximum(np.abs(weight).max(axis=0), 1e-8) / 127
        inputs = [
            quantised,
            graph.constant(np.rint(weight / column_scale), np.int8),
            scale_name,
            graph.constant(column_scale),
            zero_name,
            graph.constant(np.zeros(weight.shape[1]), np.int8),
            graph.constant(bias),
        ]
        return graph.node("MatMulIntegerToFloat", inputs, CONTRIB)

    def _attention(self, graph: GraphWriter, hidden: str, bias: str, prefix: str, *, first_only: bool) -> str:
        """Self-attention with its output projection [rows, tokens, H], or of the first token alone [rows, 1, H]."""
        width, heads = self.config.hidden, self.config.heads
        by_head = graph.constant([0, 0, heads, width // heads], np.int64)
        query, key, value = (
            graph.node("Transpose", [graph.node("Reshape", [part, by_head])], perm=order)
            for part, order in zip(
                self._projections(graph, hidden, f"{prefix}.qkv", first_only=first_only),
                ([0, 2, 1, 3], [0, 2, 3, 1], [0, 2, 1, 3]),
                strict=True,
            )
        )
        scores = graph.node("Add", [graph.node("MatMul", [query, key]), bias])
        mixed = graph.node("MatMul", [graph.node("Softmax", [scores], axis=-1), value])
        joined = graph.node("Transpose", [mixed], perm=[0, 2, 1, 3])
        flat = graph.node("Reshape", [joined, graph.constant([0, 0, width], np.int64)])
        return self._linear(graph, flat, f"{prefix}.out")

    def _projections(self, graph: GraphWriter, hidden: str, name: str, *, first_only: bool) -> list[str]:
        """Queries, keys and values [rows, tokens, H] each; with `first_only` the queries are of the first token alone."""
        width = self.config.hidden
        # The 1 / sqrt(head width) of the scores goes into the query columns.
        factor = np.ones(3 * width, np.float32)
        factor[:width] = (width // self.config.heads) ** -0.5
        if not first_only:
            return graph.nodes_out("Split", [self._linear(graph, hidden, name, factor)], 3, axis=2, num_outputs=3)
        query = self._linear(graph, self._first(graph, hidden), name, factor, slice(width))
        rest = self._linear(graph, hidden, name, factor, slice(width, None))
        return [query, *graph.nodes_out("Split", [rest], 2, axis=2, num_outputs=2)]

    def _feed_forward(self, graph: GraphWriter, hidden: str, prefix: str) -> str:
        """Two layers with ReLU between them [rows, tokens, H]; in int8 the second layer's quantisation clamps at 0."""
        up = self._linear(graph, hidden, f"{prefix}.up")
        if self.ranges is None:
            up = graph.node("Relu", [up])
        return self._linear(graph, up, f"{prefix}.down")

    def _pairs(self, graph: GraphWriter) -> tuple[str, str]:
        """The linear part, table entries summed over real tokens and their pairs: logits [rows, 23], novelty [rows, 1]."""
        one = graph.constant([1], np.int64)
        end, axis = graph.constant([np.iinfo(np.int64).max], np.int64), graph.constant([1], np.int64)
        pads = graph.constant([0, 0, 0, 1], np.int64)
        following, paired = (
            graph.node("Pad", [graph.node("Slice", [name, one, end, axis]), pads])
            for name in ("input_ids", "attention_mask")
        )
        first = graph.node("Mul", ["input_ids", graph.constant(PAIR_FACTORS[0], np.int64)])
        second = graph.node("Mul", [following, graph.constant(PAIR_FACTORS[1], np.int64)])
        hashed = graph.node("Mod", [graph.node("Add", [first, second]), graph.constant(self.config.pair_buckets, np.int64)])
        offset = graph.node("Add", [hashed, graph.constant(self.config.vocabulary, np.int64)])
        unpaired = graph.constant(self.config.vocabulary + self.config.pair_buckets, np.int64)
        pairs = graph.node("Where", [graph.node("Cast", [paired], to=TensorProto.BOOL), offset, unpaired])
        entries = [graph.node("Unsqueeze", [name, graph.constant([2], np.int64)]) for name in ("input_ids", pairs)]
        both = graph.node("Concat", entries, axis=2)
        mask = graph.node("Cast", ["attention_mask"], to=TensorProto.FLOAT)
        weight = graph.node("Unsqueeze", [mask, graph.constant([2, 3], np.int64)])
        looked_up = graph.node("Mul", [self._pair_entries(graph, both), weight])
        summed = graph.node("ReduceSum", [looked_up, graph.constant([1, 2], np.int64)], keepdims=0)
        length = graph.node("Sqrt", [graph.node("ReduceSum", [mask, one], keepdims=1)])
        scaled = graph.node("Div", [summed, length])
        if self.ranges is not None:
            scaled = graph.node("Mul", [scaled, graph.constant(self._pair_scales())])
        sizes = graph.constant([N_LOGITS, 1], np.int64)
        logits, novelty = graph.nodes_out("Split", [scaled, sizes], 2, axis=1)
        biased = graph.node("Add", [logits, graph.constant(self.weights["pairs.bias"])])
        return biased, graph.node("Div", [novelty, length])

    def _pair_table(self) -> FloatArray:
        """The pair table with the novelty of its entries as the last column [entries, 24]."""
        return np.column_stack([self.weights["pairs.table.weight"], self.weights["novelty"]])

    def _pair_scales(self) -> FloatArray:
        """int8 step of every column of the pair table [24]."""
        table = self._pair_table()
        return np.asarray(np.maximum(np.abs(table).max(axis=0), 1e-6) / 127, np.float32)

    def _pair_entries(self, graph: GraphWriter, indices: str) -> str:
        """Table rows for indices [rows, tokens, 2] -> [rows, tokens, 2, 24]; in int8 without the columns' steps."""
        table = self._pair_table()
        if self.ranges is None:
            return graph.node("Gather", [graph.constant(table), indices])
        rounded = graph.constant(np.rint(table / self._pair_scales()), np.int8)
        return graph.node("Cast", [graph.node("Gather", [rounded, indices])], to=TensorProto.FLOAT)

    def _dense(self, graph: GraphWriter, value: str, name: str) -> str:
        """One float32 layer: value [rows, in] @ weight.T + bias -> [rows, out]."""
        weight, bias = (graph.constant(self.weights[f"{name}.{part}"]) for part in ("weight", "bias"))
        return graph.node("Gemm", [value, weight, bias], transB=1)

    def _model(self, graph: GraphWriter) -> onnx.ModelProto:
        inputs = [
            helper.make_tensor_value_info(name, TensorProto.INT64, ["rows", "tokens"])
            for name in ("input_ids", "attention_mask")
        ]
        outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["rows", width]) for name, width in OUTPUTS]
        body = helper.make_graph(graph.nodes, "riskgate", inputs, outputs, graph.constants)
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(CONTRIB, 1)]
        return helper.make_model(body, opset_imports=opsets, ir_version=IR_VERSION, producer_name="riskpipe")
