"""Reports of training runs: pages that need nothing but themselves, for a browser."""
from autograd_nn.reports.charts import Chart, Series
from autograd_nn.reports.classes import class_sections, count_pairs
from autograd_nn.reports.elements import Beside, Code, Element, Folded, Gallery, Marked, Picture, Section, Shaded, Table
from autograd_nn.reports.html_report import HtmlReport
from autograd_nn.reports.layers import distributions, inspect_layers
from autograd_nn.reports.page import page, write_page
from autograd_nn.reports.run import Run, compare, read_run

__all__ = [
    'Beside',
    'Chart',
    'Code',
    'Element',
    'Folded',
    'Gallery',
    'HtmlReport',
    'Marked',
    'Picture',
    'Run',
    'Section',
    'Series',
    'Shaded',
    'Table',
    'class_sections',
    'compare',
    'count_pairs',
    'distributions',
    'inspect_layers',
    'page',
    'read_run',
    'write_page',
]
