"""JSON for people."""
import json
import os

import pytest

from autograd_nn.utils.readable import to_json


@pytest.mark.parametrize('value', ['猫', 'naïve "quoted" \\ \n', os.fsdecode(b'caf\xe9'), '😀',
                                   {'鍵': [1, 2.5, None, True]}])
def test_comes_back(value):
    assert json.loads(to_json(value)) == value


def test_characters_stay():
    assert to_json({'猫': 'é'}, indent=2) == '{\n  "猫": "é"\n}'.encode()
