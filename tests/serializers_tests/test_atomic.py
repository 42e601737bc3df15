"""Files that replace others only when they are complete."""
import os
import stat
from pathlib import Path

import pytest

from autograd_nn.utils.atomic import atomic_path, atomic_write


def test_writes_and_replaces(tmp_path):
    path = tmp_path / 'file'
    for content in b'first', b'second':
        with atomic_write(path) as file:
            file.write(content)
        assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]


def test_old_content_stays_until_the_end(tmp_path):
    path = tmp_path / 'file'
    path.write_bytes(b'old')
    with pytest.raises(KeyboardInterrupt), atomic_write(path) as file:
        file.write(b'new')
        file.flush()
        assert path.read_bytes() == b'old'
        raise KeyboardInterrupt
    assert path.read_bytes() == b'old' and list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(os.name == 'nt', reason='permissions and links of POSIX')
def test_permissions_links_and_devices(tmp_path):
    path, link = tmp_path / 'file', tmp_path / 'link'
    with atomic_write(path) as file:
        file.write(b'x')
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~umask
    path.chmod(0o640)
    link.symlink_to(path)
    with atomic_write(link) as file:
        file.write(b'y')
    assert link.is_symlink() and path.read_bytes() == b'y' and stat.S_IMODE(path.stat().st_mode) == 0o640
    with atomic_write(os.devnull) as file:
        file.write(b'z')
    assert not stat.S_ISREG(Path(os.devnull).stat().st_mode)


@pytest.mark.skipif(os.name == 'nt', reason='limits of POSIX')
@pytest.mark.parametrize('open_it', [
    lambda path: atomic_write(path), lambda path: atomic_path(path)], ids=['atomic_write', 'atomic_path'])
def test_a_full_disk_names_the_file(tmp_path, open_it):
    """A limit to the size of files stands for the end of the disk."""
    import resource

    path = tmp_path / 'file'
    path.write_bytes(b'old')
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(OSError, match='File too large') as info, open_it(path) as target:
            if isinstance(target, Path):
                target.write_bytes(bytes(2000))
            else:
                target.write(bytes(2000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert info.value.filename == str(path) and path.read_bytes() == b'old' and list(tmp_path.iterdir()) == [path]
