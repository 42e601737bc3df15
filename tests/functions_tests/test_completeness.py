"""Every exported function has a test of its gradients of first and second order."""
import ast
import inspect
from pathlib import Path

import pytest

import autograd_nn.functions as F

# Functions without a gradient: they count, round or compare.
NO_GRADIENT = {'accuracy', 'argmax', 'argmin', 'binary_accuracy', 'ceil', 'classification_summary', 'confusion_matrix',
               'f1_score', 'fix', 'floor', 'floordiv', 'precision', 'r2_score', 'recall', 'sign', 'step'}
# Its gradient is meant to be another one than that of its values; it is tested against the formula.
STRAIGHT_THROUGH = {'binarize'}
EXPORTED = {name for name, value in vars(F).items() if inspect.isfunction(value) and not name.startswith('_')}


def gradients_checked_in(path):
    """The functions whose gradients a test module checks, by what its text says.

    These are the names ``F.x`` in a test that calls `check_function`, and in the tables and helpers of the module that
    the test refers to. A call with ``differentiable=False`` or ``double=False`` does not count.
    """
    parts = {}
    for statement in ast.parse(path.read_text()).body:
        if isinstance(statement, ast.FunctionDef):
            parts[statement.name] = statement
        elif isinstance(statement, ast.Assign):
            parts.update({target.id: statement for target in statement.targets if isinstance(target, ast.Name)})
    tested = set()
    for name in parts:
        if name.startswith('test_'):
            nodes = [node for part in closure(name, parts) for node in ast.walk(part)]
            if any(map(is_gradient_check, nodes)):
                tested |= {node.attr for node in nodes
                           if isinstance(node, ast.Attribute) and getattr(node.value, 'id', None) == 'F'}
    return tested


def closure(name, parts):
    """A definition and all those of the module that it refers to."""
    found, waiting = {}, [name]
    while waiting:
        name = waiting.pop()
        if name in parts and name not in found:
            found[name] = parts[name]
            waiting += [node.id for node in ast.walk(parts[name]) if isinstance(node, ast.Name)]
    return found.values()


def is_gradient_check(node):
    return (isinstance(node, ast.Call) and getattr(node.func, 'id', None) == 'check_function'
            and not any(keyword.arg in ('differentiable', 'double') for keyword in node.keywords))


def test_gradients_of_all_functions_are_tested():
    tested = set().union(*map(gradients_checked_in, Path(__file__).parent.rglob('test_*.py')))
    assert sorted(EXPORTED - NO_GRADIENT - STRAIGHT_THROUGH - tested) == []


def test_functions_without_gradient_are_still_there():
    assert sorted((NO_GRADIENT | STRAIGHT_THROUGH) - EXPORTED) == []


@pytest.mark.parametrize('text, tested', [
    ('def test_a():\n    check_function(F.exp, None, 1)', {'exp'}),
    ('def test_a():\n    check_function(F.exp, None, 1, double=False)', set()),
    ('def test_a():\n    assert F.exp(1) > 2', set()),
    ('T = [F.exp]\n@parametrize(T)\ndef test_a(f):\n    check(f)\ndef check(f):\n    check_function(f)', {'exp'}),
])
def test_the_search_itself(text, tested, tmp_path):
    path = tmp_path / 'test_some.py'
    path.write_text(text)
    assert gradients_checked_in(path) == tested
