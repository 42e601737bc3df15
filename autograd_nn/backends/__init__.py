"""Which kernels serve an array, and on which device it lives; `autograd_nn.backend` offers it."""
