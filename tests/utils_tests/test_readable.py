"""JSON for people, and errors in one line."""
import errno
import json
import os

import pytest

from autograd_nn.utils.readable import one_line, to_json


@pytest.mark.parametrize('value', ['猫', 'naïve "quoted" \\ \n', os.fsdecode(b'caf\xe9'), '😀',
                                   {'鍵': [1, 2.5, None, True]}])
def test_comes_back(value):
    assert json.loads(to_json(value)) == value


def test_characters_stay():
    assert to_json({'猫': 'é'}, indent=2) == '{\n  "猫": "é"\n}'.encode()


@pytest.mark.parametrize('error, line', [
    (FileNotFoundError(errno.ENOENT, 'No such file or directory', 'a/b.npz'), 'a/b.npz: no such file or directory'),
    (OSError(errno.ENOSPC, 'No space left on device', b'run'),
     'run: no space left on device (make room, or write to another disk)'),
    (OSError('broken'), 'broken'), (ValueError('two\n  lines'), 'two lines'), (KeyError('name'), 'name'),
])
def test_errors_take_one_line(error, line):
    assert one_line(error) == line
