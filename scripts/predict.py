"""Says what is on pictures, as ``autograd-nn predict`` does."""
from autograd_nn.commands.command_line import CommandLine
from autograd_nn.commands.predict import main

if __name__ == '__main__':
    main(CommandLine.of_script())
