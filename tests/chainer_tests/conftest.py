"""Programs that say ``import chainer`` are run by tests, and not collected as modules with examples."""
collect_ignore = ['packages', 'programs']
