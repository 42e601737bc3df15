"""The notebooks run from the first cell to the last, and show what they promise."""
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / 'docs/notebooks'
# What the outputs of a notebook have somewhere.
SHOWN = {'graph': ['array([0., 2., 4.])'], 'training': ['<table>', 'image/png', 'srcdoc='],
         'search': ['image/png', "'lr'"]}


def test_all_notebooks_are_known():
    assert {path.stem for path in FOLDER.glob('*.ipynb')} == SHOWN.keys()


@pytest.mark.slow
@pytest.mark.parametrize('name', SHOWN)
def test_notebooks_run(name, tmp_path):
    nbformat, nbclient = pytest.importorskip('nbformat'), pytest.importorskip('nbclient')
    pytest.importorskip('ipykernel')
    if name == 'search':
        pytest.importorskip('optuna')
    notebook = nbformat.read(FOLDER / f'{name}.ipynb', as_version=4)
    nbformat.validate(notebook)
    nbclient.NotebookClient(notebook, timeout=300, resources={'metadata': {'path': str(tmp_path)}}).execute()
    outputs = [output for cell in notebook.cells if cell.cell_type == 'code' for output in cell.outputs]
    assert not [output for output in outputs if output.output_type == 'error'], outputs
    for text in SHOWN[name]:
        assert text in str(outputs), f'{name}: there is no {text}'
