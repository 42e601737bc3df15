"""Saving objects to files and loading them."""
from autograd_nn.serializers.hdf5 import HDF5Deserializer, HDF5Serializer, load_hdf5, save_hdf5
from autograd_nn.serializers.matching import LoadReport, load_matching
from autograd_nn.serializers.npz import DictionarySerializer, NpzDeserializer, load_npz, save_npz
from autograd_nn.serializers.safetensors import load_safetensors, save_safetensors
from autograd_nn.serializers.state_dict import load_state_dict
from autograd_nn.serializers.torch_files import read_torch_file

__all__ = [
    'DictionarySerializer', 'HDF5Deserializer', 'HDF5Serializer', 'LoadReport', 'NpzDeserializer', 'load_hdf5',
    'load_matching', 'load_npz', 'load_safetensors', 'load_state_dict', 'read_torch_file', 'save_hdf5', 'save_npz',
    'save_safetensors',
]
