"""Trains a network of the zoo, as ``autograd-nn train`` does."""
from autograd_nn.commands.command_line import CommandLine
from autograd_nn.commands.train import main

if __name__ == '__main__':
    main(CommandLine.of_script())
