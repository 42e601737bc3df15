"""The programs: each is a module with a function ``main``, which the command ``autograd-nn`` and scripts/ start."""
