"""A ball that falls, and a paddle that is to catch it."""
from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from autograd_nn.reinforcement.environments import EmbeddedEnvironment

SQUARE = 20  # pixels
SMOOTH = 4  # pictures are drawn so many times as large


class Catch(EmbeddedEnvironment):
    """A ball falls from a place of the top row, one row a step; a paddle in the bottom row is to be where it lands.

    The paddle starts in the middle and goes to the left (0), stays (1) or goes to the right (2). The episode ends when
    the ball has reached the bottom row, with the reward 1 if the paddle is there and -1 if not; all other rewards are
    0. Observations have 1 for the ball's square and for the paddle's, row by row, and 0 elsewhere, float32. A paddle
    that never moves, and one that moves at random, catch the ball about once in `columns` episodes, a return of -0.6.

    References: V. Mnih, N. Heess, A. Graves, K. Kavukcuoglu, Recurrent models of visual attention, 2014 (section 4.2);
    I. Osband et al., Behaviour suite for reinforcement learning, 2019.

    Args:
        rows: The number of rows.
        columns: The number of columns.

    Example:
        >>> from autograd_nn.reinforcement import Catch
        >>> environment = Catch(rows=3, columns=3)
        >>> observation, _ = environment.reset(seed=0)
        >>> observation.reshape(3, 3)
        array([[0., 0., 1.],
               [0., 0., 0.],
               [0., 1., 0.]], dtype=float32)
        >>> _ = environment.step(1)
        >>> observation, reward, terminated, _, _ = environment.step(2)
        >>> observation.reshape(3, 3)[2], reward, terminated
        (array([0., 0., 1.], dtype=float32), 1.0, True)
    """

    n_actions = 3
    steps_per_second = 6.

    def __init__(self, rows: int = 10, columns: int = 5) -> None:
        super().__init__()
        if rows < 2 or columns < 1:
            raise ValueError(f'Catch: expected at least 2 rows and 1 column, got {rows} and {columns}')
        self.rows = rows
        self.columns = columns
        self.observation_shape = (rows * columns,)

    @property
    def max_episode_steps(self) -> int:  # type: ignore[override]
        return self.rows  # one more than it takes: an episode is never cut off

    def _begin(self) -> np.ndarray:
        self._ball = 0, int(self._random.integers(self.columns))
        self._paddle = self.columns // 2
        return self._observe()

    def _act(self, action: int) -> tuple[np.ndarray, float, bool]:
        self._paddle = min(max(self._paddle + action - 1, 0), self.columns - 1)
        row, column = self._ball
        self._ball = row + 1, column
        is_over = row + 1 == self.rows - 1
        reward = 0. if not is_over else 1. if column == self._paddle else -1.
        return self._observe(), reward, is_over

    def _observe(self) -> np.ndarray:
        board = np.zeros((self.rows, self.columns), np.float32)
        board[self._ball] = board[-1, self._paddle] = 1
        return board.ravel()

    def _draw(self) -> Image.Image:
        size = self.columns * SQUARE, self.rows * SQUARE
        square = SMOOTH * SQUARE
        picture = Image.new('RGB', (size[0] * SMOOTH, size[1] * SMOOTH), '#1c2833')
        draw = ImageDraw.Draw(picture)
        for row in range(self.rows):
            for column in range(self.columns):
                draw.rectangle([column * square, row * square, (column + 1) * square - 1, (row + 1) * square - 1],
                               outline='#273746', width=SMOOTH // 2)
        left, top = self._paddle * square, (self.rows - 1) * square
        draw.rounded_rectangle([left + 4, top + 0.62 * square, left + square - 5, top + 0.9 * square],
                               radius=0.12 * square, fill='#5dade2')
        row, column = self._ball
        margin = 0.2 * square
        x, y = column * square, row * square - (0.2 * square if row == self.rows - 1 else 0)
        draw.ellipse([x + margin, y + margin, x + square - margin, y + square - margin], fill='#f5b041')
        return picture.resize(size, Image.Resampling.BOX)
