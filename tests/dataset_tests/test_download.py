"""Downloads from a server on this machine that breaks off, damages, stalls and refuses."""
import gzip
import hashlib
import http.server
import threading
from pathlib import Path

import pytest

from autograd_nn.dataset import (
    RemoteFile,
    cache_or_load_file,
    cached_download,
    download,
    download_files,
    get_dataset_directory,
    get_dataset_root,
    set_dataset_root,
)

CONTENT = bytes(range(256)) * 1000
CHECKSUM = 'sha256:' + hashlib.sha256(CONTENT).hexdigest()


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves CONTENT in the way that the path says; ``/flaky`` fails the first time."""

    def do_GET(self):
        way = self.path.split('/')[1]
        self.server.requests.append(way)
        if way == 'flaky':
            way = 'whole' if self.server.requests.count('flaky') > 1 else 'error'
        if way in ('missing', 'error'):
            self.send_error({'missing': 404, 'error': 503}[way])
            return
        self.send_response(200)
        if way != 'unsized':
            self.send_header('Content-Length', str(len(CONTENT)))
        self.end_headers()
        half = len(CONTENT) // 2
        self.wfile.write(CONTENT[:half])
        if way == 'stall':
            self.server.stop.wait(20)
        elif way == 'damage':
            self.wfile.write(CONTENT[half:][::-1])
        elif way in ('whole', 'unsized'):
            self.wfile.write(CONTENT[half:])

    def log_message(self, *args):
        pass


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(download, 'TIMEOUT', 0.3)
    monkeypatch.setattr(download, 'BACKOFF', 0.01)


@pytest.fixture
def server():
    with http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler) as server:
        server.requests = []
        server.stop = threading.Event()
        server.url = f'http://127.0.0.1:{server.server_port}'
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.stop.set()
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def root(tmp_path, monkeypatch):
    monkeypatch.setenv('AUTOGRAD_NN_DATASET_ROOT', str(tmp_path / 'root'))
    return tmp_path / 'root'


def remote(server, *ways, **options):
    return RemoteFile('data.bin', CHECKSUM, tuple(f'{server.url}/{way}/data.bin' for way in ways), **options)


@pytest.mark.parametrize('ways', [
    ['whole'], ['unsized'], ['flaky'], ['missing', 'whole'], ['error', 'whole'], ['truncate', 'whole'],
    ['damage', 'whole'], ['stall', 'whole']])
def test_the_file_arrives(server, root, ways, capsys):
    [path] = download_files('some/set', [remote(server, *ways)])
    assert path == root / 'some' / 'set' / 'data.bin'
    assert path.read_bytes() == CONTENT
    assert list(path.parent.iterdir()) == [path]
    # No terminal, and so no bar.
    shown = capsys.readouterr()
    assert shown.out == '' and {*shown.err.splitlines()} == {'downloading data.bin'} and '\r' not in shown.err
    count = len(server.requests)
    download_files('some/set', [remote(server, *ways)])
    assert len(server.requests) == count


@pytest.mark.parametrize('way, reason, requests', [
    ('missing', '404', 1), ('error', '503', 3), ('truncate', 'the connection ended after 128000 of 256000 bytes', 3),
    ('damage', 'wrong checksum', 3), ('stall', 'timed out', 3)])
def test_failures_leave_nothing_and_say_what_to_do(server, root, way, reason, requests):
    other = RemoteFile('other.bin', CHECKSUM, ('http://127.0.0.1:9/other.bin',))
    with pytest.raises(OSError) as caught:
        download_files('set', [remote(server, way), other])
    message = str(caught.value)
    assert message.startswith(f'set: cannot download data.bin: {server.url}/{way}/data.bin (')
    assert reason in message and '\n' not in message
    assert message.endswith('data.bin, other.bin') and str(root / 'set') in message
    assert server.requests == [way] * requests
    assert list((root / 'set').iterdir()) == []


def test_unreachable_server():
    with pytest.raises(OSError, match=r'cannot download data\.bin'):
        download_files('set', [RemoteFile('data.bin', CHECKSUM, ('http://127.0.0.1:9/data.bin',))])


def test_a_file_put_there_by_hand_is_verified_and_used(server, root):
    (root / 'set').mkdir(parents=True)
    (root / 'set' / 'data.bin').write_bytes(CONTENT)
    [path] = download_files('set', [remote(server, 'missing')])
    assert path.read_bytes() == CONTENT and server.requests == []


def test_a_damaged_file_is_replaced_or_kept(server, root, caplog):
    (root / 'set').mkdir(parents=True)
    path = root / 'set' / 'data.bin'
    path.write_bytes(b'damaged')
    with pytest.raises(OSError, match='put these files into'):
        download_files('set', [remote(server, 'missing')])
    assert path.read_bytes() == b'damaged'
    assert f'{path} is damaged' in caplog.text
    download_files('set', [remote(server, 'whole')])
    assert path.read_bytes() == CONTENT


def test_the_directory_may_be_read_only_when_nothing_is_missing(server, root):
    directory = root / 'set'
    directory.mkdir(parents=True)
    (directory / 'data.bin').write_bytes(CONTENT)
    directory.chmod(0o555)
    assert download_files('set', [remote(server, 'missing')])[0].read_bytes() == CONTENT
    directory.chmod(0o755)


@pytest.mark.parametrize('level', [1, 9])
def test_checksum_of_unpacked_content(tmp_path, level):
    path = tmp_path / 'data.gz'
    path.write_bytes(gzip.compress(CONTENT, level))
    file = RemoteFile('data.gz', CHECKSUM, (), unpacked=True)
    assert file.matches(path)
    packed = path.read_bytes()
    for damaged in (packed[:-20], packed[:100], b'', b'no gzip file', packed[:300] + b'\xff' * 50 + packed[350:]):
        path.write_bytes(damaged)
        assert not file.matches(path)


def test_md5():
    path = Path(get_dataset_directory('set'), 'data.bin')
    path.write_bytes(b'abc')
    assert RemoteFile('data.bin', 'md5:900150983cd24fb0d6963f7d28e17f72', ()).matches(path)


def test_cached_download(server, root):
    url = f'{server.url}/whole/data.bin'
    path = cached_download(url)
    assert Path(path).read_bytes() == CONTENT and Path(path).is_relative_to(root)
    assert cached_download(url) == path and server.requests == ['whole']
    assert cached_download(f'{server.url}/whole/other.bin') != path
    with pytest.raises(OSError, match='404'):
        cached_download(f'{server.url}/missing/data.bin')


def test_cache_or_load_file(tmp_path):
    path = tmp_path / 'deep' / 'file.txt'

    def create(temporary):
        assert not Path(temporary).exists() and temporary != str(path)
        Path(temporary).write_text('created')
        assert not path.exists()
        return 1

    def load(final):
        assert final == str(path)
        return Path(final).read_text()

    def fail(temporary):
        Path(temporary).write_text('half')
        raise RuntimeError('fails')

    with pytest.raises(RuntimeError, match='fails'):
        cache_or_load_file(path, fail, load)
    assert not path.exists() and list(path.parent.iterdir()) == []
    assert cache_or_load_file(path, create, load) == 1
    assert cache_or_load_file(path, create, load) == 'created'


def test_dataset_root(root, monkeypatch, tmp_path):
    assert get_dataset_root() == str(root)
    monkeypatch.delenv('AUTOGRAD_NN_DATASET_ROOT')
    assert get_dataset_root() == str(Path.home() / '.autograd_nn' / 'dataset')
    monkeypatch.setattr(download, '_dataset_root', None)
    set_dataset_root(tmp_path / 'elsewhere')
    assert get_dataset_directory('a/b', create_directory=False) == str(tmp_path / 'elsewhere' / 'a' / 'b')
    assert not (tmp_path / 'elsewhere').exists()
    assert Path(get_dataset_directory('a/b')).is_dir()
