"""Files of Darknet on the command line: prediction, conversion, and what training starts from."""
import numpy as np
import pytest
from PIL import Image

from autograd_nn import datasets, models, serializers
from autograd_nn.models.detection.darknet_weights import settle
from autograd_nn.tasks.detection import Detection, DigitBoxes
from support.programs import expect_one_line, run_here


@pytest.fixture
def folder(tmp_path):
    """A folder with weights for three classes, and a picture."""
    network = models.create('yolov3_digits', num_classes=3)
    settle(network)
    for head in network.subnet:  # it is sure that everything is of the last class
        head[1].b.array.reshape(3, 8)[:, 4:] = 3, -9, -9, 9
    models.save_darknet(tmp_path / 'some.weights', network)
    (tmp_path / 'cut.weights').write_bytes((tmp_path / 'some.weights').read_bytes()[:-400])
    (tmp_path / 'names.txt').write_text('screw\nnut\nbolt\n')
    Image.new('RGB', (80, 60), 'teal').save(tmp_path / 'a.png')
    return tmp_path


def test_prediction(folder):
    process = run_here('predict', '--model', 'yolov3_digits', '--labels', 'names.txt', 'some.weights', 'a.png',
                       cwd=folder)
    assert process.stdout.startswith('a.png: bolt 9') and 'screw' not in process.stdout, process.stderr
    assert (folder / 'predictions' / 'a-boxes.png').is_file()


def test_without_names_there_are_as_many_classes_as_the_weights_are_for(folder):
    process = run_here('predict', '--model', 'yolov3_digits', 'some.weights', 'a.png', cwd=folder)
    assert process.stdout.startswith('a.png: class 2 9'), process.stderr


def test_conversion(folder):
    process = run_here('convert', 'some.weights', 'out.npz', '--to', 'yolov3_digits', cwd=folder)
    assert "models.create('yolov3_digits', num_classes=3)" in process.stdout, process.stderr
    network = models.create('yolov3_digits', num_classes=3)
    settle(network)
    serializers.load_npz(folder / 'out.npz', network)
    assert network.subnet[0][1].b.array[4:8].tolist() == [3, -9, -9, 9]


def test_training_starts_from_it(folder, monkeypatch):
    def load():
        scenes = datasets.DigitScenes(4, count=(1, 3)), datasets.DigitScenes(2, 'test', count=(1, 3))
        return *map(DigitBoxes, scenes), list('0123456789')

    monkeypatch.setattr(Detection, 'embedded', {'digit_scenes': load})
    process = run_here('train', '--model', 'yolov3_digits', '--initial-weights', 'some.weights', '--freeze', '10',
                       '--epochs', '1', '--batch-size', '4', '--out', 'run', cwd=folder)
    assert process.returncode == 0, process.stderr
    assert 'starting from some.weights: loaded ' in process.stdout
    assert 'a new classifier with 15 outputs' in process.stdout
    with np.load(folder / 'run' / 'model.npz') as trained:
        assert trained['subnet/0/1/W'].shape[0] == 45


@pytest.mark.parametrize('words, messages', [
    (('predict', '--model', 'yolov3_digits', 'cut.weights', 'a.png'), ['cut.weights: ', 'the file has been cut off']),
    (('predict', '--model', 'yolov3_digits', '--labels', 'two.txt', 'some.weights', 'a.png'),
     ['some.weights does not fit yolov3_digits: ']),
    (('predict', '--model', 'ssd96', 'some.weights', 'a.png'), ["expected one of darknet19, ", "; got 'ssd96'"]),
    (('convert', 'some.weights', 'out.npz', '--to', 'yolov2_tiny'), ['those of yolov2_tiny for no number of classes']),
    (('convert', 'some.weights', 'out.npz', '--to', 'vgg16'), ['--to: for some.weights expected one of darknet19, ']),
    (('convert', 'some.weights', 'out.npz'), ['some.weights has weights of Darknet: expected --to']),
    (('convert', 'a.caffemodel', 'out.npz', '--to', 'yolov3'), ['--to: for a.caffemodel expected one of ', 'vgg16'])])
def test_files_that_do_not_fit(folder, words, messages):
    (folder / 'two.txt').write_text('screw\nbolt\n')
    expect_one_line(run_here(*words, cwd=folder), *messages)
