"""Every public name has its place in the reference."""
import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from autograd_nn import compat

DOCS = Path(__file__).parents[2] / 'docs'
spec = importlib.util.spec_from_file_location('public_names', DOCS / 'public_names.py')
public_names = importlib.util.module_from_spec(spec)
spec.loader.exec_module(public_names)


@pytest.fixture(scope='module')
def documented():
    return public_names.documented(DOCS / 'reference')


@pytest.mark.parametrize('package', public_names.PACKAGES)
def test_public_names_are_documented(package, documented):
    """Under this name or, where one object has several, under another."""
    known = {id(obj) for obj in documented.values() if hasattr(obj, '__name__')}
    missing = [name for name, obj in public_names.public_names(package).items()
               if f'{package}.{name}' not in documented and id(obj) not in known]
    assert not missing, f'docs/reference has no entry for these names of {package}: {", ".join(missing)}'


def test_public_names_are_found():
    names = public_names.public_names('autograd_nn')
    assert {'Variable', 'grad', 'config', 'Chain', 'no_backprop_mode'} <= set(names)
    assert 'relu' in public_names.public_names('autograd_nn.functions')


def test_every_package_is_listed():
    """A new subpackage with public names cannot be forgotten."""
    internal = {'autograd_nn.cpu', 'autograd_nn.cpu.onednn', 'autograd_nn.cuda.cudnn', 'autograd_nn.backends',
                'autograd_nn.caffe.layers', 'autograd_nn.chainer', 'autograd_nn.commands',
                'autograd_nn.commands.fast_style'}
    package = DOCS.parent / 'autograd_nn'
    found = {'.'.join(init.parent.relative_to(package.parent).parts) for init in package.rglob('__init__.py')
             if 'stand_in' not in init.parts}
    # Families of functions and links sort the modules; the names are those of the package above.
    families = {name for name in found if name.startswith(('autograd_nn.functions.', 'autograd_nn.links.'))}
    assert found - internal - families <= set(public_names.PACKAGES)


@pytest.mark.parametrize('package', public_names.PACKAGES)
def test_a_package_lists_what_it_exports(package):
    # A type checker takes the names of an installed package from `__all__` alone. It knows no old names.
    module = importlib.import_module(package)
    exported = {name for name, obj in vars(module).items()
                if not name.startswith('_') and not isinstance(obj, ModuleType)
                and public_names.defining_module(obj).startswith('autograd_nn')}
    old = {*vars(module).get('_deferred', ()), *compat._NAMES.get(module, ())}
    assert exported - old <= set(getattr(module, '__all__', ()))
    assert all(hasattr(module, name) for name in getattr(module, '__all__', ()))
