"""Converts weights of Caffe, as ``autograd-nn convert`` does."""
from autograd_nn.commands.command_line import CommandLine
from autograd_nn.commands.convert import main

if __name__ == '__main__':
    main(CommandLine.of_script())
