"""Every public name of Chainer 7.8 exists under the name `chainer`, and the documentation says how many these are."""
import json
import re
from pathlib import Path

from support import programs

NAMES = Path(__file__).parent / 'names.txt'
PAGE = programs.ROOT / 'docs/howto/chainer.md'

# What modules define for themselves: gradients of nodes as nodes of their own, base classes, kernels as text, and parts
# of cuDNN's and of processes' work, which are done in another way here.
INTERNAL = re.compile(r'''
    .*\.(?:\w+Grad\d?|\w+_(?:base|impl|grad_grad))$ |
    chainer\.distributions\.\w+\.(?:BernoulliLogProb|LaplaceI?CDF|TriangularInv|ModifiedXLogX)$ |
    chainer\.distributions\.utils$ |
    chainer\.function_hooks\.cupy_memory_profile\.CupyMemoryCumulativeHook$ |
    chainer\.functions\.array\.(?:resize_images\.compute_\w+|select_item\.Assign|squeeze\.argone)$ |
    chainer\.functions\.evaluation\.classification_summary\.fbeta_score$ |
    chainer\.functions\.math\.basic_math\.(?:MultiAdd|DivFromConstant|PowConstVar|r\w+)$ |
    chainer\.functions\.math\.(?:cumprod\.Cumprodsum|einsum\.DiagEinSum|minmax\.\w*SelectorBase|sqrt\.RsqrtGPU)$ |
    chainer\.functions\.rnn\.n_step_rnn\.\w+$ | chainer\.functions\.pooling\.pooling_(?:2d|nd) |
    chainer\.graph_optimizations\.static_graph\.\w+(?:Info|Function|Manager)$ |
    chainer\.graph_optimizations\.static_graph_utilities\.static_forward_optimizations$ |
    chainer\.link_hooks\.spectral_normalization\.[a-z]\w+$ |
    chainer\.links\.loss\.hierarchical_softmax\.BinaryHierarchicalSoftmaxFunction$ |
    chainer\.links\.normalization\.decorrelated_batch_normalization\.fix_\w+$ |
    chainer\.links\.rnn\.\w+\.(?:\w+Base|argsort_list_descent|permutate_list)$ |
    chainer\.memory_layouts\.AsLayout$ | chainer\.optimizer\.make_deprecation_message$ |
    chainer\.testing\.(?:doctest_helper|distribution_test|random\.do_)\w* |
    chainer\.training\.extensions\.computational_graph\.is_\w+$ |
    chainer\.training\.extensions\.variable_statistics_plot\.(?:Reservoir|Statistician)$ |
    chainer\.training\.updaters\.multiprocess_parallel_updater\.\w+_(?:grads|params)$
''', re.VERBOSE)


def read_names():
    """For each module its names; those of the public packages come first."""
    public, others = {}, {}
    part = module = None
    for line in NAMES.read_text().splitlines():
        if line.startswith('#'):
            part = others if part is public else public
        elif line.startswith(' '):
            part[module] += line.split()
        else:
            module, _, names = line.partition(':')
            part[module] = names.split()
    return public, others


def find_missing(modules, cwd):
    """Names that cannot be imported; of modules that cannot, the module, too."""
    (cwd / 'names.json').write_text(json.dumps(modules))
    (cwd / 'program.py').write_text('''
import importlib, json
missing = []
for path, names in json.load(open('names.json')).items():
    try:
        module = importlib.import_module(path)
    except ModuleNotFoundError:
        missing.append(path)
        module = None
    missing += [f'{path}.{name}' for name in names if not hasattr(module, name)]
print(json.dumps(missing))
''')
    done = programs.run_python('-W', 'ignore', '-m', 'autograd_nn.chainer', 'program.py', cwd=cwd)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def table(public, missing):
    """The table of the documentation."""
    rows = ['| | names | here |', '| --- | ---: | ---: |']
    for package, names in public.items():
        count = sum(f'{package}.{name}' not in missing for name in names)
        rows.append(f'| `{package}` | {len(names)} | {count} |')
    return '\n'.join(rows)


def test_public_names(tmp_path):
    public, _ = read_names()
    missing = find_missing(public, tmp_path)
    assert missing == []
    assert table(public, missing) in PAGE.read_text(), f'docs/howto/chainer.md is to have\n{table(public, missing)}'


def test_names_of_all_modules(tmp_path):
    _, others = read_names()
    assert [name for name in find_missing(others, tmp_path) if not INTERNAL.match(name)] == []
