"""A package `chainer` in the environment, which is autograd_nn: programs and packages that require Chainer find it."""
from __future__ import annotations

import base64
import csv
import hashlib
import io
import shutil
import sysconfig
from importlib import metadata
from pathlib import Path

from autograd_nn.chainer.alias import VERSION
from autograd_nn.version import __version__

STAND_IN = Path(__file__).parent / 'stand_in'
# A local version: not on any index, and as new as Chainer's for whoever requires it. Packages for Chainer import what
# it required without a word of their own.
_LOCAL = f'{VERSION}+autogradnn'
_METADATA = f'''Metadata-Version: 2.1
Name: chainer
Version: {_LOCAL}
Summary: The name chainer, for autograd_nn {__version__}
Requires-Dist: autograd_nn
Requires-Dist: filelock
Requires-Dist: six
Requires-Dist: typing_extensions
'''


def install(directory: Path | None = None) -> str:
    """Puts a package `chainer` into the environment, with `chainermn` and `chainerx` beside it as in Chainer's own.

    ``pip install`` of a package that requires Chainer is content with it, ``pip list`` shows it, and ``pip uninstall``
    takes it away as `uninstall` does.

    Args:
        directory: Where packages are; by default those of the Python that runs.

    Returns:
        What was done, in a sentence.

    Raises:
        FileExistsError: There is a Chainer already, or a file where its package would be.
    """
    directory = _directory(directory)
    found = _found(directory)
    if found == _LOCAL:
        return f'chainer {_LOCAL} is there already ({directory})'
    if found is not None:
        raise FileExistsError(f'chainer {found} is installed in {directory}; "pip uninstall chainer" makes room')
    for source in sorted(STAND_IN.iterdir()):
        if (directory / source.name).exists():
            raise FileExistsError(f'{directory / source.name} exists, and is of no package that pip knows')
    files = {f'{path.parent.name}/{path.name}': path.read_text() for path in sorted(STAND_IN.glob('*/*.py'))}
    information = f'chainer-{_LOCAL}.dist-info'
    files |= {f'{information}/METADATA': _METADATA, f'{information}/INSTALLER': 'autograd_nn\n',
              f'{information}/top_level.txt': ''.join(f'{path.name}\n' for path in sorted(STAND_IN.iterdir()))}
    files[f'{information}/RECORD'] = _record(files, f'{information}/RECORD')
    for name, text in files.items():  # METADATA, by which the package is known, after all that it names
        (directory / name).parent.mkdir(exist_ok=True)
        (directory / name).write_text(text)
    return f'chainer {_LOCAL} is installed ({directory})'


def uninstall(directory: Path | None = None) -> str:
    """Takes away what `install` has put into the environment.

    Args:
        directory: As for `install`.

    Returns:
        What was done, in a sentence.

    Raises:
        FileNotFoundError: It is not there.
    """
    directory = _directory(directory)
    found = _found(directory)
    if found != _LOCAL:
        what = 'no chainer' if found is None else f'chainer {found}, which is not of this package,'
        raise FileNotFoundError(f'there is {what} in {directory}')
    for path in [*STAND_IN.iterdir(), Path(f'chainer-{_LOCAL}.dist-info')]:
        shutil.rmtree(directory / path.name)
    return f'chainer {_LOCAL} is removed ({directory})'


def _directory(directory: Path | None) -> Path:
    return Path(sysconfig.get_path('purelib')) if directory is None else directory


def _found(directory: Path) -> str | None:
    """The version of Chainer that is installed."""
    return next((each.version for each in metadata.distributions(name='chainer', path=[str(directory)])), None)


def _record(files: dict[str, str], own_name: str) -> str:
    """The list of files and their hashes by which pip removes a package."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator='\n')
    for name, content in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content.encode()).digest()).rstrip(b'=').decode()
        rows.writerow([name, f'sha256={digest}', len(content.encode())])
    rows.writerow([own_name, '', ''])
    return text.getvalue()
