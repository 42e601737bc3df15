from autograd_nn.functions import operators
operators.install()
