"""Inference of detectors of the zoo, here and in OpenCV, in processes that take turns."""
from __future__ import annotations

import importlib.util
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import darknet_configs
from benchmarks.comparison import WorkerProcess, quartiles, take_turns
from benchmarks.worker import OnCpu, Side, serve

OURS, OPENCV = 'autograd_nn', 'opencv'


def write_ssd(network: Any, folder: Path) -> list[Path]:
    """Writes Caffe's files of an SSD, without what comes after the network.

    Args:
        network: The detector, with weights.
        folder: Where to write.
    """
    import autograd_nn.links as L
    from autograd_nn import caffe, exporters
    from autograd_nn.backend import to_cpu

    norm = network.extractor.norm4
    # What SSD's authors have a layer for is many functions here: something else is written in its place, and replaced.
    network.extractor.norm4 = L.Scale(1, norm.scale.shape)
    net, blobs = exporters.caffe.export(network, minibatch(network, 1))
    network.extractor.norm4 = norm
    layer, = (layer for layer in net.layer if layer.type == 'Power')
    layer.ClearField('power_param')
    layer.type = 'Normalize'
    layer.norm_param.across_spatial = layer.norm_param.channel_shared = False
    blobs[layer.name] = [to_cpu(norm.scale.array)]
    paths = [folder / 'detector.prototxt', folder / 'detector.caffemodel']
    caffe.write_prototxt(paths[0], net)
    caffe.write_caffemodel(paths[1], net, blobs)
    return paths


def write_yolo(describe: Callable[[Any], str], network: Any, folder: Path) -> list[Path]:
    """Writes Darknet's files of a YOLO network.

    Args:
        describe: Writes the description of the network (see `benchmarks.darknet_configs`).
        network: The detector, with weights.
        folder: Where to write.
    """
    from autograd_nn import models

    paths = [folder / 'detector.weights', folder / 'detector.cfg']
    models.save_darknet(paths[0], network)
    paths[1].write_text(describe(network))
    return paths


# How the files of each detector that OpenCV reads are written.
WRITERS: dict[str, Callable[[Any, Path], list[Path]]] = {
    'ssd300': write_ssd, 'ssd512': write_ssd, 'yolov2': partial(write_yolo, darknet_configs.yolov2),
    'yolov2_tiny': partial(write_yolo, darknet_configs.yolov2_tiny),
    'yolov3': partial(write_yolo, darknet_configs.yolov3)}


def minibatch(network: Any, batch: int) -> Any:
    """Random images of the size that a network takes, about as bright as those that are prepared for it."""
    import numpy as np

    images = np.random.default_rng(0).uniform(0, 255, (batch, 3, network.insize, network.insize)).astype(np.float32)
    return np.stack([network.prepare(image) for image in images])


def make_network(name: str) -> Any:
    """A network with random weights, the same ones in each process; all shapes are settled."""
    import autograd_nn
    from autograd_nn import models

    autograd_nn.random.seed(0)
    network = models.create(name)
    with autograd_nn.using_config('train', False), autograd_nn.no_backprop_mode():
        network(minibatch(network, 1))
    return network


class OurSide(OnCpu):
    """A network as it is."""

    def __init__(self, name: str, batch: int) -> None:
        import autograd_nn

        self.autograd_nn = autograd_nn
        self.network = make_network(name)
        self.parameters = self.network.count_params()
        self.x = minibatch(self.network, batch)

    def step(self) -> None:
        """Computes the outputs."""
        with self.autograd_nn.using_config('train', False), self.autograd_nn.no_backprop_mode():
            self.network(self.x)


class OpenCVSide(OnCpu):
    """A network as OpenCV runs it, its layers fused."""

    parameters = 0

    def __init__(self, name: str, batch: int, threads: int) -> None:
        import cv2

        cv2.setNumThreads(threads)
        network = make_network(name)
        self.x = minibatch(network, batch)
        with tempfile.TemporaryDirectory() as folder:
            self.net = cv2.dnn.readNet(*map(str, WRITERS[name](network, Path(folder))))
        self.outputs = self.net.getUnconnectedOutLayersNames()

    def step(self) -> Any:
        """Computes the outputs."""
        self.net.setInput(self.x)
        return self.net.forward(self.outputs)


class DetectorProcess(WorkerProcess):
    """A side in a process of its own (see `benchmarks.comparison.WorkerProcess`).

    Args:
        side: One of the sides above.
        name: The network.
        batch: The number of images in a minibatch.
        threads: The number of threads.
    """

    def __init__(self, side: str, name: str, batch: int, threads: int) -> None:
        self._start(side, threads, 'benchmarks.detection', side, name, str(batch), str(threads))


def compare(name: str, batch: int, rounds: int, threads: int) -> dict[str, Any]:
    """Times inference of all sides in turn.

    Args:
        name: The network, one of `WRITERS`.
        batch: The number of images in a minibatch.
        rounds: How often each side has its turn.
        threads: The number of threads of each side.

    Returns:
        ``milliseconds`` by side, and the ``ratio`` of OpenCV's time to ours, None without it: quartiles and medians.

    Raises:
        RuntimeError: A side cannot run the network.
    """
    sides = [OURS, *([OPENCV] if importlib.util.find_spec('cv2') else [])]
    about, seconds = take_turns([partial(DetectorProcess, side, name, batch, threads) for side in sides], rounds)
    ratio = [other / ours for ours, other in zip(seconds[OURS], seconds.get(OPENCV, []))]
    return {'model': name, 'batch': batch, 'parameters': about[0]['parameters'],
            'milliseconds': {side: quartiles([s * 1e3 for s in times]) for side, times in seconds.items()},
            'ratio': quartiles(ratio) if ratio else None}


def show(result: dict[str, Any]) -> str:
    """A result as text."""
    lines = [f'{result["model"]}, {result["parameters"]:,} parameters, batch of {result["batch"]}']
    lines += [f'  {side:12}{times[1]:9.2f} ms ({times[0]:.2f}-{times[2]:.2f})'
              for side, times in result['milliseconds'].items()]
    ratio = result['ratio']
    lines.append('OpenCV is not installed, so there is nothing to compare with: pip install opencv-python-headless'
                 if ratio is None else
                 f"  OpenCV's time by ours: {ratio[1]:.2f} ({ratio[0]:.2f}-{ratio[2]:.2f})")
    return '\n'.join(lines)


def main() -> None:
    """Serves with the side that the command line names."""
    side, name, batch, threads = sys.argv[1:]

    def make() -> Side:
        return OpenCVSide(name, int(batch), int(threads)) if side == OPENCV else OurSide(name, int(batch))

    serve(side, make)


if __name__ == '__main__':
    main()
