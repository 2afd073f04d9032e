"""The model as a graph of its tensor operations, by one forward pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from aurl.data.module import MusicData
from aurl.train.engine import Engine
from aurl.train.pictures.base import Picture, PictureFiles
from aurl.train.resources.without_compiler import spare

ROOT = "model"


class Graph(Picture):
    """Every operation of an evaluation of one sequence, in the module that runs it; made once, at the start.

    Operations are recorded as they are dispatched (`torch.jit.trace` cannot follow models that decide by a tensor's
    shape), so what is shown is what ran: shapes are those of this sequence.
    """

    name = "graph"

    def __init__(self) -> None:
        super().__init__(None)

    def wanted(self, number: int, last: bool) -> bool:
        """Only at the start of the run."""
        return number == 0

    def draw(self, engine: Engine, data: MusicData) -> PictureFiles:
        """See `Picture.draw`."""
        tokens = next(data.eval_batches("validation", 1)).to(engine.device).tokens[:1]
        engine.model.eval()
        return PictureFiles({".json": orjson.dumps({"nodes": trace(engine.model, tokens)})})


@torch.no_grad()
def trace(model: nn.Module, *inputs: Tensor) -> list[dict[str, Any]]:
    """The nodes of one call, earlier ones first: `name`, `op`, `inputs` (names), `shape`, `dtype`.

    Inputs are nodes `input_0`, ..., weights are nodes of the op `Parameter` at their place in the model, buffers of
    the op `Buffer`. A name is the path of the module and the operation; what the model does itself is in `model/`.
    """
    recorder = _Recorder()
    for number, tensor in enumerate(inputs):
        recorder.add(f"input_{number}", "Placeholder", [], tensor)
    for name, p in model.named_parameters():
        recorder.name_ahead(p, _place(name), "Parameter")
    for name, buffer in model.named_buffers():
        recorder.name_ahead(buffer, _place(name), "Buffer")
    handles = []
    for name, module in model.named_modules():
        scope = name.replace(".", "/") or ROOT
        handles.append(module.register_forward_pre_hook(lambda *_, scope=scope: recorder.enter(scope)))
        handles.append(module.register_forward_hook(lambda *_: recorder.leave(), always_call=True))
    try:
        with recorder:
            model(*inputs)
    finally:
        for handle in handles:
            handle.remove()
    return recorder.nodes


def _place(name: str) -> str:
    """`encoder/table/weight` for `encoder.table.weight`; what belongs to the model itself lies in `ROOT`."""
    return name.replace(".", "/") if "." in name else f"{ROOT}/{name}"


class _Recorder(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Writes down each operation, where it ran, and which tensors it took."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.nodes: list[dict[str, Any]] = []
        self._scopes: list[str] = []
        self._makers: dict[int, str] = {}  # by the identity of a tensor, which `_alive` keeps from being used again
        self._ahead: dict[int, tuple[str, str]] = {}
        self._alive: list[Tensor] = []
        self._names: set[str] = set()
        self._counts: dict[str, int] = {}

    def enter(self, scope: str) -> None:
        self._scopes.append(scope)

    def leave(self) -> None:
        self._scopes.pop()

    def name_ahead(self, tensor: Tensor, name: str, op: str) -> None:
        """A node that is added when an operation first takes this tensor."""
        self._ahead[id(tensor)] = (name, op)
        self._alive.append(tensor)

    def add(self, name: str, op: str, inputs: Sequence[str], made: Tensor) -> None:
        """Add a node under this name, or this name and a number where there is one already."""
        plain, count = name, self._counts.get(name, 0)
        while name in self._names:
            count += 1
            name = f"{plain}_{count}"
        self._counts[plain] = count
        self._names.add(name)
        shape, dtype = list(made.shape), str(made.dtype).removeprefix("torch.")
        self.nodes.append({"name": name, "op": op, "inputs": list(inputs), "shape": shape, "dtype": dtype})
        self._makers[id(made)] = name
        self._alive.append(made)

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Run the operation and write it down; an operation in place becomes the new maker of its tensor."""
        kwargs = kwargs or {}
        inputs = [self._maker(leaf) for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        result = func(*args, **kwargs)
        op = str(func.overloadpacket).replace("::", ".")
        made = [leaf for leaf in tree_leaves(result) if isinstance(leaf, Tensor)]
        scope = self._scopes[-1] if self._scopes else ROOT
        if made:
            self.add(f"{scope}/{op.rpartition('.')[2]}", op, list(dict.fromkeys(filter(None, inputs))), made[0])
            for other in made[1:]:
                self._makers[id(other)] = self.nodes[-1]["name"]
                self._alive.append(other)
        return result

    def _maker(self, tensor: Tensor) -> str | None:
        known = self._ahead.pop(id(tensor), None)
        if known is not None:
            self.add(*known, [], tensor)
        return self._makers.get(id(tensor))


spare(_Recorder.__torch_dispatch__)
