"""Pictures that follow each other, as a GIF, and where predict writes them."""
from pathlib import Path

import numpy as np
from PIL import Image

from autograd_nn.commands.predict import save_pictures
from autograd_nn.tasks import Answer
from autograd_nn.utils import Animation


def frames(count):
    """A square that moves over a slope of greys."""
    for i in range(count):
        picture = np.full((40, 60, 3), np.linspace(100, 130, 60)[:, None], np.uint8)
        picture[10:20, 2 * i:2 * i + 10] = 255, 40, 0
        yield Image.fromarray(picture)


def test_a_film_shows_all_frames(tmp_path):
    pictures = list(frames(20))
    for target in tmp_path / 'film.gif', (tmp_path / 'open.gif').open('wb'):
        Animation(pictures, 50, 700).save(target)
    for name in 'film.gif', 'open.gif':
        film = Image.open(tmp_path / name)
        assert film.n_frames == 20 and film.info['loop'] == 0
        for i, picture in enumerate(pictures):
            film.seek(i)
            assert film.info['duration'] == (700 if i == 19 else 50)
            difference = np.array(film.convert('RGB'), int) - np.array(picture, int)
            assert abs(difference).max() <= 6
    assert (tmp_path / 'film.gif').stat().st_size < 20 * 1500


def test_a_film_of_one_picture(tmp_path):
    Animation([Image.new('L', (5, 4), 77)]).save(tmp_path / 'still.gif')
    assert Image.open(tmp_path / 'still.gif').convert('RGB').getpixel((0, 0)) == (77, 77, 77)


def test_answers_with_pictures_and_films(tmp_path):
    film, taken = Animation(list(frames(3))), set()
    answer = Answer('', {'still': film.frames[0], 'film': film})
    written = [save_pictures(answer, Path('x/model.npz'), tmp_path, taken) for _ in range(2)]
    assert [[path.name for path in paths] for paths in written] == [
        ['model-still.png', 'model-film.gif'], ['model-still-2.png', 'model-film-2.gif']]
    assert Image.open(written[1][1]).n_frames == 3 and Image.open(written[1][0]).format == 'PNG'
