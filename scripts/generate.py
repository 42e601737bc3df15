"""Makes up text with a trained language model, as ``autograd-nn generate`` does."""
from autograd_nn.commands.generate import main

if __name__ == '__main__':
    main()
