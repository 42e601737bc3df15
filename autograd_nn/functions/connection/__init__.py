"""What connects layers: products with weights, convolutions, tables of vectors, attention."""
