"""Loss functions: what training makes small."""
