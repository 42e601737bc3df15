"""What connects layers."""
