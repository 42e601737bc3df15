"""The version, which packaging and documentation read from here."""
__version__ = '0.1.0'
