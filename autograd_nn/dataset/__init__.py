"""What data sets, iterators and converters are: the interfaces, and the cache of downloaded files."""
from autograd_nn.dataset import tabular
from autograd_nn.dataset.convert import (
    ConcatWithAsyncTransfer,
    Converter,
    call_converter,
    concat_examples,
    converter,
    to_device,
)
from autograd_nn.dataset.dataset_mixin import Dataset, DatasetMixin, at_epoch, gather
from autograd_nn.dataset.download import (
    RemoteFile,
    cache_or_load_file,
    cached_download,
    download_files,
    get_dataset_directory,
    get_dataset_root,
    set_dataset_root,
)
from autograd_nn.dataset.examples import Examples, join_examples
from autograd_nn.dataset.iterator import Iterator
from autograd_nn.dataset.tabular import TabularDataset

__all__ = [
    'ConcatWithAsyncTransfer',
    'Converter',
    'Dataset',
    'DatasetMixin',
    'Examples',
    'Iterator',
    'RemoteFile',
    'TabularDataset',
    'at_epoch',
    'cache_or_load_file',
    'cached_download',
    'call_converter',
    'concat_examples',
    'converter',
    'download_files',
    'gather',
    'get_dataset_directory',
    'get_dataset_root',
    'join_examples',
    'set_dataset_root',
    'tabular',
    'to_device',
]
