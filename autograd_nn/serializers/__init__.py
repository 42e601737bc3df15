"""Saving objects to files and loading them."""
from autograd_nn.serializers.matching import LoadReport, load_matching
from autograd_nn.serializers.npz import DictionarySerializer, NpzDeserializer, load_npz, save_npz
