"""Writing networks to files of other frameworks."""
