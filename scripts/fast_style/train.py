"""Trains a network that paints in one pass, as ``autograd-nn fast-style train`` does."""
from autograd_nn.commands.command_line import CommandLine
from autograd_nn.commands.fast_style.train import main

if __name__ == '__main__':
    main(CommandLine.of_script())
