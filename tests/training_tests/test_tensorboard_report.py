"""What TensorBoard is given: read back as it reads, record by record, and by its own reader where that is installed."""
import io
import struct

import numpy as np
import pytest
from PIL import Image

import autograd_nn as ann
from autograd_nn import config, training
from autograd_nn.training import extensions
from autograd_nn.training.extensions.tensorboard_report import graph_def
from support.programs import expect_one_line, run_here
from support.toy import make_trainer

pytest.importorskip('tensorboardX')


def read_events(folder):
    """The events of all files, in the order in which they were written."""
    from tensorboardX.proto.event_pb2 import Event

    events = []
    for path in sorted(folder.glob('events.out.tfevents.*')):
        data, start = path.read_bytes(), 0
        while start < len(data):
            length, = struct.unpack_from('<Q', data, start)
            events.append(Event.FromString(data[start + 12:start + 12 + length]))
            start += length + 16
    return events


def values(events):
    """Pairs of step and value of each tag."""
    found = {}
    for event in events:
        for value in event.summary.value:
            kind = value.WhichOneof('value')
            found.setdefault(value.tag, []).append((event.step, getattr(value, kind)))
    return found


def train(folder, epochs, report=True, resume=False):
    trainer = make_trainer(folder, stop=(epochs, 'epoch'), extensions=False)
    trainer.extend(extensions.LogReport())
    if report:
        trainer.extend(extensions.TensorBoardReport(pictures=['picture.png']))

    @training.make_extension(trigger=(2, 'epoch'), priority=200)
    def draw(trainer):
        Image.new('RGB', (5, 4), (trainer.updater.epoch, 0, 0)).save(folder / 'picture.png')

    trainer.extend(draw)
    if resume:
        ann.serializers.load_npz(folder / 'state', trainer)
    trainer.run()
    ann.serializers.save_npz(folder / 'state', trainer)
    return trainer


def test_figures_histograms_and_pictures(tmp_path):
    trainer = train(tmp_path, 4)
    log, model = trainer.get_extension('LogReport').log, trainer.updater.get_optimizer('main').target
    found = values(read_events(tmp_path / 'tensorboard'))
    for key in set(log[0]) - {'iteration'}:
        assert found[key] == [(entry['iteration'], pytest.approx(entry[key], rel=1e-6)) for entry in log], key
    for path, param in model.namedparams():
        for tag, array in (path[1:], param.array), (f'gradients/{path[1:]}', param.grad):
            assert [step for step, _ in found[tag]] == [entry['iteration'] for entry in log]
            last = found[tag][-1][1]
            assert (last.num, last.min, last.max) == (array.size, array.min(), array.max())
            assert last.sum == pytest.approx(array.sum(dtype='d'), abs=1e-5) and sum(last.bucket) == array.size
    pictures = [(step, np.asarray(Image.open(io.BytesIO(image.encoded_image_string)))) for step, image in
                found['picture']]
    assert [(step, pixels.shape, pixels[0, 0, 0]) for step, pixels in pictures] == [
        (log[1]['iteration'], (4, 5, 3), 2), (log[3]['iteration'], (4, 5, 3), 4)], 'each once'


def test_the_graph(tmp_path):
    from tensorboardX.proto.graph_pb2 import GraphDef

    assert not config.keep_graph_on_report
    trainer = train(tmp_path, 1)
    assert not config.keep_graph_on_report
    graph, = [GraphDef.FromString(event.graph_def) for event in read_events(tmp_path / 'tensorboard')
              if event.WhichOneof('what') == 'graph_def']
    nodes = {node.name: node for node in graph.node}
    assert len(nodes) == len(graph.node) and all(source in nodes for node in graph.node for source in node.input)
    params = {path[1:] for path, _ in trainer.updater.get_optimizer('main').target.namedparams()}
    assert params <= nodes.keys() and all(nodes[name].op == 'Parameter' for name in params)
    (linear,) = [node for node in graph.node if 'l2/W' in node.input]
    assert linear.name.startswith('l2/Linear') and list(linear.input)[1:] == ['l2/W', 'l2/b']
    shape = linear.attr['_output_shapes'].list.shape[0]
    assert [each.size for each in shape.dim] == [4, 3]
    (last,) = nodes.keys() - {source for node in graph.node for source in node.input}
    assert 'SoftmaxCrossEntropy' in last


def test_equal_functions_have_different_names():
    x = ann.Variable(np.ones(3, 'f'), name='my input')
    y = ann.functions.relu(ann.functions.relu(x) + ann.functions.relu(x))
    names = [node.name for node in graph_def(y, {}).node]
    assert len(set(names)) == len(names) == 5 and names[0] == 'my_input' and {'ReLU', 'ReLU_1', 'ReLU_2'} < set(names)


def test_a_resumed_training_goes_on(tmp_path):
    train(tmp_path, 2)
    trainer = train(tmp_path, 4, resume=True)
    log = trainer.get_extension('LogReport').log
    events = read_events(tmp_path / 'tensorboard')
    assert [step for step, _ in values(events)['main/loss']] == [entry['iteration'] for entry in log]
    starts = [event for event in events if event.WhichOneof('what') == 'session_log']
    assert [event.step for event in starts] == [log[1]['iteration'] + 1], 'hides what an interrupted run wrote beyond'
    # A training that had none begins with what was logged before.
    (tmp_path / 'late').mkdir()
    train(tmp_path / 'late', 2, report=False)
    log = train(tmp_path / 'late', 3, resume=True).get_extension('LogReport').log
    assert [step for step, _ in values(read_events(tmp_path / 'late/tensorboard'))['main/loss']] == [
        entry['iteration'] for entry in log]


def test_two_extensions_look_at_the_graph(tmp_path):
    trainer = make_trainer(tmp_path, stop=(2, 'iteration'), extensions=False)
    trainer.extend(extensions.LogReport())
    trainer.extend(extensions.TensorBoardReport())
    trainer.extend(extensions.DumpGraph('main/loss'))
    trainer.run()
    assert (tmp_path / 'cg.dot').exists() and not config.keep_graph_on_report


def test_no_variable_of_that_name(tmp_path):
    trainer = make_trainer(tmp_path, stop=(1, 'epoch'), extensions=False)
    trainer.extend(extensions.LogReport())
    trainer.extend(extensions.TensorBoardReport(graph='loss'))
    with pytest.raises(ValueError, match="expected a Variable named 'loss' in the observation, which has main/loss"):
        trainer.run(show_loop_exception_msg=False)


def test_without_the_library(tmp_path, monkeypatch):
    monkeypatch.setattr(extensions.TensorBoardReport, 'available', staticmethod(lambda: False))
    with pytest.raises(ImportError, match='pip install tensorboardX'):
        extensions.TensorBoardReport()
    expect_one_line(run_here('train', '--tensorboard', cwd=tmp_path), '--tensorboard: it needs tensorboardX')
    assert not list(tmp_path.iterdir())


def test_tensorboard_reads_it(tmp_path):
    accumulator = pytest.importorskip('tensorboard.backend.event_processing.event_accumulator')
    trainer = train(tmp_path, 2)
    log = trainer.get_extension('LogReport').log
    found = accumulator.EventAccumulator(str(tmp_path / 'tensorboard')).Reload()
    tags = found.Tags()
    assert [(each.step, each.value) for each in found.Scalars('main/loss')] == [
        (entry['iteration'], pytest.approx(entry['main/loss'], rel=1e-6)) for entry in log]
    assert tags['graph'] and len(found.Graph().node) > 10
    assert 'l1/W' in tags['histograms'] and 'gradients/l1/W' in tags['histograms'] and tags['images'] == ['picture']
    assert found.Histograms('l1/W')[-1].histogram_value.num == 20
