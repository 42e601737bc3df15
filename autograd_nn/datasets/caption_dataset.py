"""Pictures with sentences about them."""
from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np

from autograd_nn.dataset.dataset_mixin import Dataset, DatasetMixin, replace_bases
from autograd_nn.datasets.read_image import read_image
from autograd_nn.datasets.sentences import split_sentence
from autograd_nn.types import PathLike


class CaptionDataset(DatasetMixin):
    """Pictures from files, read when they are asked for, with sentences about them.

    An example is an image, float32 RGB from 0 to 255 of shape (3, H, W), and the list of its sentences.

    Args:
        file: A JSON file: one of COCO (``captions_train2017.json`` and the like), or ``{"photo.jpg": ["A sentence.",
            "Another."], …}``, where one sentence needs no list.
        images: The folder of the pictures; by default that of the file.
        size: Height and width to which pictures are scaled and cut (see `read_image`), or one number for both; None for
            the size of each file.

    Attributes:
        paths: The pictures, in the order of the file. Those of a file of COCO without a caption are left out.
        sentences: For each of them its sentences.

    Raises:
        OSError: The file or a picture is missing.
        ValueError: The file is of another form, has no captions, or a sentence without words.

    Example:
        >>> import json, tempfile
        >>> from pathlib import Path
        >>> from PIL import Image
        >>> folder = Path(tempfile.mkdtemp())
        >>> Image.new('RGB', (40, 30)).save(folder / 'night.png')
        >>> _ = (folder / 'captions.json').write_text(json.dumps({'night.png': ['The sky at night.', 'A black cat.']}))
        >>> image, sentences = CaptionDataset(folder / 'captions.json')[0]
        >>> image.shape, sentences
        ((3, 30, 40), ['The sky at night.', 'A black cat.'])
    """

    def __init__(self, file: PathLike, images: PathLike | None = None,
                 size: int | tuple[int, int] | None = None) -> None:
        file = Path(file)
        self.size = size
        captions = _read_captions(file)
        folder = file.parent if images is None else Path(images)
        self.paths = [folder / name for name in captions]
        self.sentences = list(captions.values())
        missing = next((path for path in self.paths if not path.is_file()), None)
        if missing is not None:
            raise FileNotFoundError(f'{file}: there is no picture {missing}')

    def __len__(self) -> int:
        return len(self.paths)

    def get_example(self, i: int) -> tuple[np.ndarray, list[str]]:
        return read_image(self.paths[i], color=True, size=self.size, dtype=np.float32), self.sentences[i]


class RandomSentences(DatasetMixin):
    """One sentence about each picture, in each epoch another one.

    An example is an image and a sentence. Which sentence that is depends on the seed, the epoch and the index alone
    (see `AugmentedDataset`).

    Args:
        dataset: Images with lists of sentences, such as a `CaptionDataset`.
        seed: Not negative.

    Attributes:
        epoch: The epoch as which this object is read; 0 unless it comes from `at_epoch`.

    Example:
        >>> dataset = RandomSentences([(np.zeros((3, 8, 8), 'f'), ['A cat.', 'A black cat.', 'An animal.'])])
        >>> [dataset.at_epoch(epoch)[0][1] for epoch in range(4)]
        ['An animal.', 'A black cat.', 'An animal.', 'A black cat.']
    """

    def __init__(self, dataset: Dataset, seed: int = 0) -> None:
        self._dataset = dataset
        self.seed = seed
        self.epoch = 0

    def __len__(self) -> int:
        return len(self._dataset)

    def get_example(self, i: int) -> tuple[np.ndarray, str]:
        image, sentences = self._dataset[i]
        chosen = np.random.default_rng([self.seed, self.epoch, i]).integers(len(sentences))
        return image, sentences[chosen]

    def at_epoch(self, epoch: int) -> RandomSentences:
        dataset = copy.copy(replace_bases(self, epoch, '_dataset'))
        dataset.epoch = epoch
        return dataset


def _read_captions(file: Path) -> dict[str, list[str]]:
    """The sentences of each picture."""
    try:
        content = json.loads(file.read_bytes())
    except (ValueError, RecursionError) as error:  # the latter from lists that are nested deeply
        raise ValueError(f'{file}: expected JSON with captions: {error}') from None
    if not isinstance(content, dict):
        raise ValueError(f'{file}: expected captions of COCO, or {{"file": ["sentence", …]}}; got '
                         f'a {type(content).__name__}')
    captions = _of_coco(file, content) if 'annotations' in content else {
        name: [found] if isinstance(found, str) else found for name, found in content.items()}
    if not captions:
        raise ValueError(f'{file} has no captions')
    for name, sentences in captions.items():
        if not isinstance(sentences, list) or not sentences:
            raise ValueError(f'{file}: {name}: expected a list of at least one sentence, got {sentences!r}')
        for sentence in sentences:
            if not isinstance(sentence, str) or not split_sentence(sentence):
                raise ValueError(f'{file}: {name}: expected a sentence with words, got {sentence!r}')
    return captions


def _of_coco(file: Path, content: dict[str, Any]) -> dict[str, list[str]]:
    """The same from the tables of COCO."""
    try:
        names = {image['id']: image['file_name'] for image in content['images']}
        wrong = [name for name in names.values() if not isinstance(name, str)]
        if wrong:
            raise ValueError(f'{file}: expected the name of a picture as file_name, got {wrong[0]!r}')
        captions: dict[str, list[str]] = {name: [] for name in names.values()}
        for annotation in content['annotations']:
            captions[names[annotation['image_id']]].append(annotation['caption'])
    except (KeyError, TypeError) as error:
        raise ValueError(f'{file}: expected captions of COCO, with images (id, file_name) and annotations (image_id, '
                         f'caption); {error!r} is wrong') from None
    return {name: sentences for name, sentences in captions.items() if sentences}
