"""Makes up text with a trained language model, as ``autograd-nn generate`` does."""
from autograd_nn.commands.command_line import CommandLine
from autograd_nn.commands.generate import main

if __name__ == '__main__':
    main(CommandLine.of_script())
