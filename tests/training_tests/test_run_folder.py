"""The folder of a run, as programs use it; what the training program makes of it is tested with that."""
import os

import numpy as np
import pytest

import autograd_nn.links as L
from autograd_nn import serializers
from autograd_nn.training import run_folder
from autograd_nn.training.run_folder import Progress, RunFolder, load_weights, path_of_network


def write_run(path, epoch=2, **files):
    """A folder with what a run of so many epochs leaves."""
    with RunFolder(path) as folder:
        folder.make_room()
        folder.write_config({'epochs': epoch}, {'samples': (3, 4)})
        np.savez(path / 'snapshot.npz', **{'updater/iteration': 10 * epoch, 'updater/iterator:main/epoch': epoch,
                                           'updater/iterator:main/current_position': 5})
        for name in 'model.npz', 'best.npz', 'log.json', 'loss.png', 'notes.txt':
            (path / name).write_text(f'{name} of {epoch}')
    return folder


def names(path):
    return sorted(file.name for file in path.iterdir())


def test_what_was_written_is_read(tmp_path):
    folder = write_run(tmp_path / 'run')
    config, progress = folder.read()
    assert config['arguments'] == {'epochs': 2} and config['samples'] == [3, 4] and 'autograd_nn' in config
    assert progress == Progress(20, 2, 5) and progress.updates(size=50, batch_size=5) == 21
    assert folder.has_results()
    folder.check_data({'samples': (3, 4), 'unknown': 1}, 'photos')
    with pytest.raises(ValueError, match=r'^RunFolder: photos is not the data .* began with: its samples differ$'):
        folder.check_data({'samples': (3, 5)}, 'photos')


def test_a_new_run_moves_the_old_one_aside_or_replaces_it(tmp_path):
    path = tmp_path / 'run'
    write_run(path)
    old = names(path)
    with RunFolder(path) as folder:
        assert folder.make_room() == f'{path}: the run that was there is in {path}.1 now'
        assert names(path) == [] and names(tmp_path / 'run.1') == old
        assert folder.make_room() == ''
    write_run(path, 3)
    with RunFolder(path) as folder:
        assert folder.make_room(overwrite=True) == f'{path}: the run that was there is overwritten'
    assert names(path) == ['notes.txt'], 'what the run did not write'


def test_a_run_goes_on_here_or_elsewhere(tmp_path):
    source = write_run(tmp_path / 'run')
    old = names(source.path)
    with RunFolder(tmp_path / 'copy') as folder:
        assert folder.make_room(source) == ''
    assert names(source.path) == old
    assert names(folder.path) == ['best.npz', 'log.json', 'loss.png', 'snapshot.npz'], 'no results, no configuration'
    (source.path / '.log.json.1234.tmp').touch()
    with source as folder:
        folder.make_room(RunFolder(source.path))
    assert names(source.path) == [name for name in old if name != 'model.npz']


def test_what_is_in_use_is_not_moved(tmp_path, monkeypatch):
    folder = write_run(tmp_path / 'run')
    with folder, pytest.raises(ValueError, match=r'^RunFolder: there is a run in .*data is in use$'):
        folder.make_room(needed=[folder.path / 'data'])
    monkeypatch.chdir(folder.path)
    with folder, pytest.raises(ValueError, match=r'is in use$'):
        folder.make_room()
    (folder.path / 'config.json').write_text('{"name": "app"}')
    with folder, pytest.raises(ValueError, match=r'is not that of a training run$'):
        folder.make_room(overwrite=True)
    assert folder.has_results()


def test_one_process_at_a_time(tmp_path, monkeypatch):
    fcntl = pytest.importorskip('fcntl')
    monkeypatch.setattr(run_folder, 'PATIENCE', 0)
    descriptor = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    with pytest.raises(ValueError, match=r'^--out: another process is training in'), RunFolder(tmp_path, '--out'):
        pass
    os.close(descriptor)
    with RunFolder(tmp_path):
        pass


def test_places_that_cannot_be_written_to(tmp_path):
    (tmp_path / 'file').touch()
    for path in tmp_path / 'file', tmp_path / 'file' / 'more':
        with pytest.raises(ValueError, match=r'^--out: .*file is a file; expected a folder'):
            RunFolder(path, '--out').check()
    RunFolder(tmp_path / 'new' / 'and' / 'deep').check()
    assert names(tmp_path) == ['file'], 'to check writes nothing'


@pytest.mark.parametrize('make, message', [
    (lambda path: None, 'does not exist'), (lambda path: path.write_text(''), 'is a file, not the folder of a run'),
    (lambda path: path.mkdir(), 'there is no run in .* is missing'),
    (lambda path: (write_run(path).path / 'config.json').write_text('{'), 'config.json is damaged'),
    (lambda path: (write_run(path).path / 'config.json').write_text('[]'), 'config.json is damaged: expected an'),
    (lambda path: (write_run(path).path / 'config.json').write_text('{}'), 'not the configuration of a training run'),
    (lambda path: (write_run(path).path / 'snapshot.npz').unlink(), 'ended before its first snapshot'),
    (lambda path: (write_run(path).path / 'snapshot.npz').write_text('x'), '^--resume: .*snapshot.npz'),
    (lambda path: np.savez(write_run(path).path / 'snapshot.npz', W=1), '^--resume: '),
])
def test_no_run_that_can_be_continued(make, message, tmp_path):
    make(tmp_path / 'run')
    with pytest.raises(ValueError, match=message):
        RunFolder(tmp_path / 'run', '--resume').read()


@pytest.mark.parametrize('prefix', ['', 'predictor/', 'updater/model:main/predictor/'])
def test_weights_are_found_in_all_files(prefix, tmp_path):
    link, fresh = L.Linear(3, 2), L.Linear(3, 2)
    np.savez(tmp_path / 'weights.npz', **{f'{prefix}W': link.W.array, f'{prefix}b': link.b.array + 1, 'other': 1})
    assert path_of_network(tmp_path / 'weights.npz') == prefix
    if prefix:
        load_weights(tmp_path / 'weights.npz', fresh)
        np.testing.assert_array_equal(fresh.W.array, link.W.array)


def test_files_without_weights(tmp_path):
    (tmp_path / 'text.npz').write_text('hello')
    with pytest.raises(ValueError, match=r'text\.npz is not an \.npz file'):
        path_of_network(tmp_path / 'text.npz')
    with pytest.raises(FileNotFoundError):
        path_of_network(tmp_path / 'nothing.npz')
    serializers.save_npz(tmp_path / 'other.npz', L.Linear(4, 2))
    with pytest.raises(ValueError, match=r"other\.npz does not fit Linear: 'W': expected shape \(2, 3\), found"):
        load_weights(tmp_path / 'other.npz', L.Linear(3, 2))
    serializers.save_npz(tmp_path / 'other.npz', L.Linear(3, 2, nobias=True))
    with pytest.raises(ValueError, match=r"other\.npz does not fit Linear: there is no 'b', only W$"):
        load_weights(tmp_path / 'other.npz', L.Linear(3, 2))
