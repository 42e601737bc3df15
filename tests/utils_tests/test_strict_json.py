"""JSON without words that JSON does not have."""
import json

import numpy as np
import pytest

from autograd_nn.utils.readable import to_json


def test_what_has_no_word():
    value = {'a': [1.5, float('nan'), {'b': (float('-inf'), None)}], 'c': np.float64('inf'), 'd': 'NaN', 'e': True}
    text = to_json(value).decode()
    assert json.loads(text) == {'a': [1.5, None, {'b': [None, None]}], 'c': None, 'd': 'NaN', 'e': True}
    assert 'Infinity' not in text and text.count('NaN') == 1
    assert value['a'][2] == {'b': (float('-inf'), None)}


def test_what_json_does_not_take_is_refused():
    with pytest.raises(TypeError):
        to_json({'a': object()})
