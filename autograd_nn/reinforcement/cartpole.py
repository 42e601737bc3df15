"""A pole that is balanced on a cart."""
from __future__ import annotations

from math import cos, pi, sin

import numpy as np
from PIL import Image, ImageDraw

from autograd_nn.reinforcement.environments import EmbeddedEnvironment

GRAVITY = 9.8
POLE_MASS = 0.1
TOTAL_MASS = POLE_MASS + 1.0
HALF_LENGTH = 0.5  # from the joint to the middle of the pole
FORCE = 10.0
SECONDS = 0.02
FURTHEST = 2.4
STEEPEST = 12 * 2 * pi / 360

SIZE = 360, 160
SMOOTH = 4  # pictures are drawn so many times as large


class CartPole(EmbeddedEnvironment):
    """A pole stands on a cart, which is pushed to the left (0) or to the right (1) fifty times a second.

    The equations of motion are those of the paper, without friction, in steps of Euler's method; masses, lengths,
    limits, the beginning and the reward are those of Gymnasium's ``CartPole-v1``, and so are, for the same seed and
    actions, the observations: the cart's place (m) and velocity, the pole's angle (rad) and angular velocity, float32.
    Each step has the reward 1. The episode ends when the cart is more than 2.4 m from the middle or the pole more than
    12 degrees from upright, and is cut off after 500 steps; who balances to that end has a return of 500, and the task
    counts as solved with a mean return of 475 over 100 episodes.

    Reference: A. G. Barto, R. S. Sutton, C. W. Anderson, Neuronlike adaptive elements that can solve difficult
    learning control problems, IEEE Transactions on Systems, Man, and Cybernetics 13, 1983.

    Example:
        >>> from autograd_nn.reinforcement import CartPole
        >>> environment = CartPole()
        >>> observation, _ = environment.reset(seed=0)
        >>> observation.round(3)
        array([ 0.014, -0.023, -0.046, -0.048], dtype=float32)
        >>> observation, reward, terminated, truncated, _ = environment.step(1)
        >>> observation.round(3), reward, terminated, truncated
        (array([ 0.013,  0.173, -0.047, -0.355], dtype=float32), 1.0, False, False)
    """

    observation_shape = (4,)
    n_actions = 2
    steps_per_second = 1 / SECONDS
    max_episode_steps = 500

    def _begin(self) -> np.ndarray:
        self._state: list[float] = self._random.uniform(-0.05, 0.05, 4).tolist()
        return np.array(self._state, np.float32)

    def _act(self, action: int) -> tuple[np.ndarray, float, bool]:
        x, velocity, angle, rotation = self._state
        sine, cosine = sin(angle), cos(angle)
        moment = POLE_MASS * HALF_LENGTH
        push = ((FORCE if action else -FORCE) + moment * (rotation * rotation) * sine) / TOTAL_MASS
        spin = (GRAVITY * sine - cosine * push) / (
            HALF_LENGTH * (4.0 / 3.0 - POLE_MASS * (cosine * cosine) / TOTAL_MASS))
        acceleration = push - moment * spin * cosine / TOTAL_MASS
        x, velocity = x + SECONDS * velocity, velocity + SECONDS * acceleration
        angle, rotation = angle + SECONDS * rotation, rotation + SECONDS * spin
        self._state = [x, velocity, angle, rotation]
        fallen = abs(x) > FURTHEST or abs(angle) > STEEPEST
        return np.array(self._state, np.float32), 1.0, fallen

    def _draw(self) -> Image.Image:
        x, _, angle, _ = self._state
        width, height = (SMOOTH * side for side in SIZE)
        meter = width / (2 * FURTHEST + 0.6)
        ground, middle = round(0.8 * height), width / 2
        picture = Image.new('RGB', (width, height), '#f7f7f2')
        draw = ImageDraw.Draw(picture)
        draw.rectangle([0, ground, width, height], fill='#e3e1d8')
        draw.line([0, ground, width, ground], fill='#8c8a80', width=SMOOTH)
        for limit in -FURTHEST, FURTHEST:
            place = middle + limit * meter
            draw.line([place, ground - 5 * SMOOTH, place, ground + 5 * SMOOTH], fill='#c0392b', width=2 * SMOOTH)
        place, radius = middle + x * meter, 0.1 * meter
        bottom = ground - 2 * radius
        joint = bottom - 0.3 * meter
        draw.rounded_rectangle([place - 0.4 * meter, joint, place + 0.4 * meter, bottom + radius / 2],
                               radius=4 * SMOOTH, fill='#34495e')
        for side in -1, 1:
            wheel = place + side * 0.22 * meter
            draw.ellipse([wheel - radius, ground - 2 * radius, wheel + radius, ground], fill='#1c2833')
        end = place + 2 * HALF_LENGTH * meter * sin(angle), joint - 2 * HALF_LENGTH * meter * cos(angle)
        thickness = 0.11 * meter
        draw.line([place, joint, *end], fill='#d68910', width=round(thickness))
        for (left, top), size, color in (end, thickness / 2, '#d68910'), ((place, joint), 0.09 * meter, '#7fb3d5'):
            draw.ellipse([left - size, top - size, left + size, top + size], fill=color)
        return picture.resize(SIZE, Image.Resampling.BOX)
