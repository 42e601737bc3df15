"""``cupy.cuda.compiler``."""


class CompileException(Exception):
    """The compiler did not take the text of a kernel."""
