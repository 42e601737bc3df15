"""Configuration of Sphinx."""
from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.parsers.rst import directives
from docutils.statemachine import StringList
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from sphinx.writers.html5 import HTML5Translator

sys.path.insert(0, str(Path(__file__).parent))

from public_names import public_names, select

import autograd_nn

project = 'autograd_nn'
copyright = 'the autograd_nn authors, MIT licence'
release = version = autograd_nn.__version__
extensions = ['myst_parser', 'sphinx.ext.autodoc', 'sphinx.ext.napoleon']
exclude_patterns = ['_build', 'README.ja.md']
# Japanese is built by `-D language=ja`, from the catalogues that translations.py keeps; it stands in the folder `ja`.
language = 'en'
locale_dirs = ['locale']
gettext_compact = False
default_role = 'py:obj'

html_theme = 'furo'
templates_path = ['templates']
html_sidebars = {'**': ['sidebar/brand.html', 'language.html', 'sidebar/search.html', 'sidebar/scroll-start.html',
                        'sidebar/navigation.html', 'sidebar/scroll-end.html']}
html_title = f'autograd_nn {release}'
html_static_path = ['static']
html_css_files = ['pages.css']
html_copy_source = False
html_show_sphinx = False
html_math_renderer = 'mathml'

myst_enable_extensions = ['colon_fence', 'deflist', 'dollarmath', 'attrs_block', 'attrs_inline']
myst_heading_anchors = 3

autodoc_member_order = 'bysource'
autodoc_typehints = 'none'
autodoc_class_signature = 'mixed'
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True
napoleon_custom_sections = [('Attributes', 'params_style')]
add_module_names = False
toc_object_entries_show_parents = 'hide'
python_use_unqualified_type_names = True


class Exports(SphinxDirective):
    """Documents the public names of a package; with ``:from:``, those that come from some of its modules."""

    required_arguments = 1
    option_spec = {'from': directives.unchanged}

    def run(self) -> list[nodes.Node]:
        package = self.arguments[0]
        names = select(package, self.options.get('from', '').split())
        if not names:
            raise self.error(f'exports: {package} exports nothing from there')
        objects = public_names(package)
        lines = []
        for name in names:
            is_class = isinstance(objects[name], type)
            lines += [f'.. auto{"class" if is_class else "function"}:: {package}.{name}',
                      *['   :members:'] * is_class, '']
        container = nodes.Element()
        self.state.nested_parse(StringList(lines, self.get_source_info()[0]), self.content_offset, container)
        return container.children


def resolve_short_name(app: Sphinx, env: Any, node: Any, content: Any) -> nodes.Node | None:
    """Links `Variable`, written in a docstring anywhere, to the one public object of that name."""
    if node.get('reftype') != 'obj':
        return None
    ending = '.' + node['reftarget'].removesuffix('()')
    python = env.get_domain('py')
    matches = [name for name, entry in python.objects.items()
               if name.endswith(ending) and entry.objtype in ('class', 'function', 'exception')]
    if len(matches) != 1:
        return None
    node['reftarget'] = matches[0]
    return python.resolve_xref(env, node['refdoc'], app.builder, 'obj', matches[0], node, content)


def escape_stars(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Keeps the star of a shape such as (N, C, *k) from being read as the start of emphasis."""
    for i, line in enumerate(lines):
        if not line.lstrip().startswith(('>>>', '...')):
            parts = re.split(r'(``.+?``)', line)
            parts[::2] = [re.sub(r'(?<![\w*\\`])\*(?=\w)', r'\\*', part) for part in parts[::2]]
            lines[i] = ''.join(parts)


def skip_generated(app: Sphinx, what: str, name: str, obj: Any, skip: bool, options: Any) -> bool | None:
    """Leaves out the methods that scikit-learn adds to every estimator."""
    return True if re.fullmatch(r'set_\w+_request|get_metadata_routing', name) else None


def write_formula(translator: HTML5Translator, node: nodes.math) -> None:
    """Writes a formula within a line as MathML, which browsers draw by themselves, without a network."""
    translator.body.append(tex2mathml(node.astext()))
    raise nodes.SkipNode


def write_display(translator: HTML5Translator, node: nodes.math_block) -> None:
    """Writes a formula that stands alone as MathML."""
    translator.body.append(tex2mathml(node.astext(), as_block=True))
    raise nodes.SkipNode


def setup(app: Sphinx) -> None:
    """Registers what this file defines."""
    app.add_directive('exports', Exports)
    app.add_html_math_renderer('mathml', (write_formula, None), (write_display, None))
    app.connect('autodoc-process-docstring', escape_stars)
    app.connect('autodoc-skip-member', skip_generated)
    app.connect('missing-reference', resolve_short_name)
