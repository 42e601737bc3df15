"""The shapes, parts and order of arrays."""
