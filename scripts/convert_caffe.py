"""Converts weights of Caffe and Darknet, as ``autograd-nn convert`` does."""
from autograd_nn.commands.command_line import CommandLine
from autograd_nn.commands.convert import main

if __name__ == '__main__':
    main(CommandLine.of_script())
