"""The programs of autograd_nn/commands/fast_style/, to start them from a checkout."""
