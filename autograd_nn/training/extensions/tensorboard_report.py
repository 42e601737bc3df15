"""What TensorBoard shows of a training."""
from __future__ import annotations

import importlib.util
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from autograd_nn.computational_graph import build_computational_graph
from autograd_nn.function_node import FunctionNode
from autograd_nn.training.extension import Extension
from autograd_nn.training.extensions.kept_graph import KeptGraph
from autograd_nn.training.trainer import Trainer
from autograd_nn.types import Array
from autograd_nn.utils.sampling import sample_elements
from autograd_nn.variable import Parameter, Variable, VariableNode

# As many elements of a parameter make its histogram.
SAMPLE = 100_000


class TensorBoardReport(Extension):
    """Writes event files for TensorBoard: the log as curves, histograms, pictures and the graph. It needs tensorboardX.

    After each epoch come the entries that a `LogReport` has added since, at their iterations, and the distributions of
    parameters and gradients, by a sample of the elements of large ones; after the first iteration, the graph behind the
    loss. A training that is resumed goes on in the same folder; what an interrupted one wrote beyond its last snapshot
    is hidden.

    Args:
        directory: Where the event files are, below the trainer's directory: ``tensorboard --logdir result``.
        histograms: Whether to write distributions.
        pictures: Names of PNG or JPEG files in the trainer's directory, to be shown whenever they are new.
        graph: The key of the reported Variable whose graph is shown; None for none.
        log_report: The name under which the trainer has its `LogReport`.

    Raises:
        ImportError: tensorboardX is not installed.

    Example:
        >>> from autograd_nn.training import extensions
        >>> report = extensions.TensorBoardReport(pictures=['loss.png'])     # trainer.extend(report)
    """

    priority = 60  # after log and pictures, before the snapshot

    def __init__(self, directory: str = 'tensorboard', histograms: bool = True, pictures: Sequence[str] = (),
                 graph: str | None = 'main/loss', *, log_report: str = 'LogReport') -> None:
        if not self.available():
            raise ImportError('TensorBoardReport: tensorboardX is not installed (pip install tensorboardX)')
        self._directory = directory
        self._histograms = histograms
        self._pictures = list(pictures)
        self._kept = None if graph is None else KeptGraph(graph)
        self._log_report = log_report
        self._writer: Any = None
        self._entries = 0
        self._times: dict[str, int] = {}

    @staticmethod
    def available() -> bool:
        """Whether tensorboardX is there."""
        return importlib.util.find_spec('tensorboardX') is not None

    def trigger(self, trainer: Trainer) -> bool:
        """Fires after the first iteration, and after each epoch."""
        return trainer.updater.iteration == 1 or bool(trainer.updater.is_new_epoch)

    def initialize(self, trainer: Trainer) -> None:
        from tensorboardX import SummaryWriter

        log = trainer.get_extension(self._log_report).log
        folder, iteration = Path(trainer.out, self._directory), trainer.updater.iteration
        goes_on = any(folder.glob('events.out.tfevents.*'))
        # What was logged before this extension was there is written, too.
        self._entries = len(log) if goes_on else 0
        # Files are named by the second: another one in the same second would replace the first.
        self._writer = SummaryWriter(str(folder), purge_step=iteration + 1 if goes_on else None,
                                     filename_suffix=f'.{iteration}')
        self._times = {}
        if self._kept is not None:
            self._kept.begin(trainer)

    def __call__(self, trainer: Trainer) -> None:
        if self._kept is not None and trainer.updater.iteration == 1:
            loss = self._kept.take(trainer)
            if loss is None:
                raise ValueError(f'TensorBoardReport: expected a Variable named {self._kept.key!r} in the observation, '
                                 f'which has {", ".join(trainer.observation) or "nothing"}')
            from tensorboardX.proto.event_pb2 import Event

            graph = graph_def(loss, dict(_parameters(trainer)))
            self._writer.file_writer.add_event(Event(graph_def=graph.SerializeToString()))
        if trainer.updater.is_new_epoch:
            self._write_log(trainer.get_extension(self._log_report).log)
            if self._histograms:
                self._write_histograms(trainer)
            self._write_pictures(Path(trainer.out), trainer.updater.iteration)
        self._writer.flush()

    def _write_log(self, log: Sequence[Mapping[str, Any]]) -> None:
        for entry in log[self._entries:]:
            for key, value in entry.items():
                if value is not None and key != 'iteration':
                    self._writer.add_scalar(key, value, entry['iteration'])
        self._entries = len(log)

    def _write_histograms(self, trainer: Trainer) -> None:
        for path, param in _parameters(trainer):
            gradient = None if param.grad_var is None else param.grad
            for kind, array in ('', param.array), ('gradients/', gradient):
                if array is not None and array.size and (values := _finite(array)).size:
                    self._writer.add_histogram(f'{kind}{path}', values, trainer.updater.iteration, bins='auto',
                                               max_bins=64)

    def _write_pictures(self, folder: Path, iteration: int) -> None:
        for name in self._pictures:
            path = folder / name
            if path.is_file() and self._times.get(name) != (time := path.stat().st_mtime_ns):
                self._times[name] = time
                with Image.open(path) as picture:
                    pixels = np.asarray(picture.convert('RGB'))
                self._writer.add_image(path.stem, pixels, iteration, dataformats='HWC')

    def finalize(self) -> None:
        if self._kept is not None:
            self._kept.end()
        if self._writer is not None:
            self._writer.close()
            self._writer = None


def _parameters(trainer: Trainer) -> Iterator[tuple[str, Parameter]]:
    optimizers = trainer.updater.get_all_optimizers()
    for name, optimizer in optimizers.items():
        prefix = '' if len(optimizers) == 1 else f'{name}/'
        for path, param in optimizer.target.namedparams(include_uninit=False):
            yield prefix + path.lstrip('/'), param


def _finite(array: Array) -> np.ndarray:
    values = sample_elements(array, SAMPLE)
    return values[np.isfinite(values)]


def graph_def(root: Variable, parameters: Mapping[str, Variable]) -> Any:
    """The graph behind a Variable in the form that TensorBoard reads.

    Functions stand in the layers whose parameters they use.

    Args:
        root: The Variable.
        parameters: Parameters by their paths, such as ``'l1/W'``.

    Returns:
        A ``GraphDef`` of TensorFlow's protocol buffers.

    Example:
        >>> import numpy as np, autograd_nn as ann, autograd_nn.links as L
        >>> from autograd_nn.training.extensions.tensorboard_report import graph_def
        >>> link = L.Linear(2, 1)
        >>> y = ann.functions.relu(link(np.ones((3, 2), 'f')))
        >>> for node in graph_def(y, {'l/W': link.W, 'l/b': link.b}).node:
        ...     print(node.name, list(node.input))
        input []
        l/W []
        l/b []
        l/LinearFunction ['input', 'l/W', 'l/b']
        ReLU ['l/LinearFunction']
    """
    from tensorboardX.proto.graph_pb2 import GraphDef
    from tensorboardX.proto.versions_pb2 import VersionDef

    paths = {id(param.node): path for path, param in parameters.items()}
    graph = build_computational_graph([root])
    names: dict[int, str] = {}
    taken: Counter[str] = Counter()
    made = GraphDef(versions=VersionDef(producer=22))

    def name_of(node: Any, wanted: str) -> str:
        if id(node) not in names:
            wanted = re.sub(r'[^\w./-]', '_', wanted).strip('/_') or 'node'
            names[id(node)] = f'{wanted}_{taken[wanted]}' if taken[wanted] else wanted
            taken[wanted] += 1
        return names[id(node)]

    for node in graph.nodes:
        if isinstance(node, VariableNode) and node.creator_node is None:
            path = paths.get(id(node))
            name = name_of(node, path or node.name or 'input')
            _add(made, name, 'Placeholder' if path is None else 'Parameter', [], [node])
        elif isinstance(node, FunctionNode):
            inputs: list[str] = []
            layers = [paths[id(each)].rpartition('/')[0] for each in node.inputs or () if id(each) in paths]
            for each in node.inputs or ():
                source = each if each.creator_node is None else each.creator_node
                inputs.append(name_of(source, paths.get(id(source)) or getattr(source, 'name', None) or 'input'))
            scope = f'{layers[0]}/' if layers and layers[0] else ''
            outputs = [output for reference in node.outputs or () if (output := reference()) is not None]
            _add(made, name_of(node, f'{scope}{node.label}'), node.label, inputs, outputs)
    return made


def _add(graph: Any, name: str, operation: str, inputs: Sequence[str], outputs: Sequence[VariableNode]) -> None:
    from tensorboardX.proto.attr_value_pb2 import AttrValue
    from tensorboardX.proto.tensor_shape_pb2 import TensorShapeProto

    shapes = [TensorShapeProto(dim=[TensorShapeProto.Dim(size=length) for length in output.shape])
              for output in outputs if output.shape is not None]
    shape = AttrValue(list=AttrValue.ListValue(shape=shapes))
    graph.node.add(name=name, op=operation, input=inputs, attr={'_output_shapes': shape})
