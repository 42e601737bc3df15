"""Links whose outputs are weighted sums of their inputs, such as linear layers, convolutions and embeddings."""
