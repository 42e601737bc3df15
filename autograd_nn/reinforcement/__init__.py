"""Learning by playing: environments, replay buffers, explorers, and the updates of Q-learning and PPO."""
from autograd_nn.reinforcement.cartpole import CartPole
from autograd_nn.reinforcement.catch import Catch
from autograd_nn.reinforcement.environment_names import EMBEDDED, make_environment
from autograd_nn.reinforcement.environments import EmbeddedEnvironment, Environment
from autograd_nn.reinforcement.explorers import LinearDecayEpsilonGreedy
from autograd_nn.reinforcement.gymnasium_environment import GymnasiumEnvironment
from autograd_nn.reinforcement.players import Players, Steps, play_episodes, watch_episode
from autograd_nn.reinforcement.ppo import PPOLoss, PPOUpdater, generalized_advantages
from autograd_nn.reinforcement.q_learning import QLearningLoss, QLearningUpdater
from autograd_nn.reinforcement.replay_buffers import PrioritizedReplayBuffer, ReplayBuffer, Transitions
from autograd_nn.reinforcement.sum_tree import SumTree
from autograd_nn.reinforcement.updater import PlayUpdater

__all__ = [
    'EMBEDDED',
    'CartPole',
    'Catch',
    'EmbeddedEnvironment',
    'Environment',
    'GymnasiumEnvironment',
    'LinearDecayEpsilonGreedy',
    'PPOLoss',
    'PPOUpdater',
    'PlayUpdater',
    'Players',
    'PrioritizedReplayBuffer',
    'QLearningLoss',
    'QLearningUpdater',
    'ReplayBuffer',
    'Steps',
    'SumTree',
    'Transitions',
    'generalized_advantages',
    'make_environment',
    'play_episodes',
    'watch_episode',
]
