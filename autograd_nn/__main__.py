# PYTHON_ARGCOMPLETE_OK
"""``python -m autograd_nn`` does what the command ``autograd-nn`` does."""
from autograd_nn.commands.main import main

main()
