"""What ran on CUDA in software: the texts that it kept (``CUDA_SOFTWARE_LOG``) and the kernels they belong to."""
from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

FLOATS = {'bfloat16', 'float16', 'float', 'double'}


class Text(NamedTuple):
    """A text that was compiled and run.

    Attributes:
        kernels: The names of its kernels.
        text: CUDA C++.
    """

    kernels: tuple[str, ...]
    text: str

    @property
    def types(self) -> dict[str, str]:
        """What the letters of the parameters' types stand for."""
        return {letter: kind for kind, letter in re.findall(r'typedef ([\w ]+) (\w);', self.text)}

    def is_of(self, kernel: Any) -> bool:
        """Whether it was made of what the registered kernel holds."""
        arguments = kernel.arguments
        if kernel.kind == 'RawKernel':
            return arguments['code'] == self.text and arguments['name'] in self.kernels
        parts = [value for key, value in arguments.items() if key in PARTS and value]
        return arguments['name'] in self.kernels and all(str(part) in self.text for part in parts)


PARTS = ('operation', 'preamble', 'map_expr', 'reduce_expr', 'post_map_expr', 'reduce_type', 'loop_prep', 'after_loop')


def read(directory: Path) -> list[Text]:
    """The texts of a log, in an order that does not depend on the run."""
    entries = [json.loads(path.read_text()) for path in sorted(directory.glob('*.json'))]
    return [Text(tuple(entry['kernels']), entry['text']) for entry in entries]


def missing(registry: dict[str, Any], log: list[Text], never: Mapping[str, set[str]] | None = None) -> list[str]:
    """What is registered and did not run: names of kernels, with the types of ``T`` that are missing.

    Args:
        registry: Kernels by name.
        log: What ran.
        never: The types that kernels of some names are never given.
    """
    found = []
    for name, kernel in registry.items():
        texts = [text for text in log if text.is_of(kernel)]
        types = {text.types['T'] for text in texts if 'T' in text.types} if kernel.kind != 'RawKernel' else set()
        if not texts:
            found.append(name)
        wanted = FLOATS - (never or {}).get(name, set())
        if types and not types >= wanted:
            found.append(f'{name} of {", ".join(sorted(wanted - types))}')
    return found


def listed(registry: dict[str, Any], log: list[Text]) -> str:
    """The kernels, a line each: the class, the name, and how many variants of types ran."""
    lines = [f'{kernel.kind:18} {name:32} {sum(text.is_of(kernel) for text in log)} variants of types'
             for name, kernel in sorted(registry.items())]
    return '\n'.join([*lines, f'{len(lines)} CUDA kernels, each compiled and run on CUDA in software, '
                              f'{len(log)} texts in all'])
