"""Shows training runs in one page for a browser, as ``autograd-nn report`` does."""
from autograd_nn.commands.command_line import CommandLine
from autograd_nn.commands.report import main

if __name__ == '__main__':
    main(CommandLine.of_script())
