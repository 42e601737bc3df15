"""What the text of a CUDA kernel needs to become C++ for the host."""
import re

_TOGETHER = re.compile(r'__sync|__shfl|__ballot|__any|__all')
_DYNAMIC = re.compile(r'extern\s+__shared__\s+(?:__align__\(\w+\)\s+)?([\w\s]+?)\s*(\w+)\s*\[\s*\]\s*;')


def for_host(text: str) -> tuple[str, str]:
    """The text with room for arrays whose size the launch gives; and whether threads wait for each other, in C++.

    If they do, each needs a stack of its own.
    """
    return _DYNAMIC.sub(r'static \1 \2[49152 / sizeof(\1)];', text), 'true' if _TOGETHER.search(text) else 'false'
