"""When to try something else than what seems best."""
from __future__ import annotations

import numpy as np


class LinearDecayEpsilonGreedy:
    """Chooses any action with a probability, epsilon, that falls along a line and then stays; else what seems best.

    Args:
        start_epsilon: The probability at first.
        end_epsilon: That at the end.
        decay_steps: After how many steps it is there.
        n_actions: How many actions there are.

    Reference: V. Mnih et al., Human-level control through deep reinforcement learning, Nature 518, 2015.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.reinforcement import LinearDecayEpsilonGreedy
        >>> explorer = LinearDecayEpsilonGreedy(1.0, 0.1, decay_steps=900, n_actions=2)
        >>> [round(explorer.compute_epsilon(t), 3) for t in (0, 450, 5000)]
        [1.0, 0.55, 0.1]
        >>> explorer.select_actions(5000, np.array([1, 1, 0])).shape
        (3,)
    """

    def __init__(self, start_epsilon: float, end_epsilon: float, decay_steps: int, n_actions: int) -> None:
        for name, value in ('start_epsilon', start_epsilon), ('end_epsilon', end_epsilon):
            if not 0 <= value <= 1:
                raise ValueError(f'LinearDecayEpsilonGreedy: expected {name} from 0 to 1, got {value}')
        self.start_epsilon = start_epsilon
        self.end_epsilon = end_epsilon
        self.decay_steps = decay_steps
        self.n_actions = n_actions

    def compute_epsilon(self, t: int) -> float:
        """The probability of any action.

        Args:
            t: The number of steps so far.
        """
        done = min(1., t / max(1, self.decay_steps))
        return self.start_epsilon + (self.end_epsilon - self.start_epsilon) * done

    def select_actions(self, t: int, greedy: np.ndarray) -> np.ndarray:
        """Chooses actions.

        Args:
            t: The number of steps so far.
            greedy: What seems best, int of shape (N,).
        """
        explores = np.random.random_sample(len(greedy)) < self.compute_epsilon(t)
        return np.where(explores, np.random.randint(self.n_actions, size=len(greedy)), greedy)
