"""Data sets that are tables: examples of named columns, read column by column, and views of them."""
from autograd_nn.dataset.tabular.delegate_dataset import DelegateDataset
from autograd_nn.dataset.tabular.from_data import from_data
from autograd_nn.dataset.tabular.tabular_dataset import TabularDataset

__all__ = ['DelegateDataset', 'TabularDataset', 'from_data']
