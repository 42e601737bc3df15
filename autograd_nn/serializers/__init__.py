"""Saving objects to files and loading them."""
from autograd_nn.serializers.npz import DictionarySerializer, NpzDeserializer, load_npz, save_npz
