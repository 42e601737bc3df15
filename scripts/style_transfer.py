"""Paints a photograph in the style of a painting, as ``autograd-nn style`` does."""
from autograd_nn.commands.command_line import CommandLine
from autograd_nn.commands.style import main

if __name__ == '__main__':
    main(CommandLine.of_script())
