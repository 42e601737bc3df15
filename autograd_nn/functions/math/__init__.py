"""Mathematics: arithmetic, products of matrices, sums and other reductions, special functions."""
