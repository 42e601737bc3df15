"""Searches for the best hyperparameters of a network, as ``autograd-nn search`` does."""
from autograd_nn.commands.command_line import CommandLine
from autograd_nn.commands.search import main

if __name__ == '__main__':
    main(CommandLine.of_script())
