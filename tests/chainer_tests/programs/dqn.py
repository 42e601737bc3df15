"""Chainer 7, in the style of the example `reinforcement_learning`: (double) DQN, in a world of its own."""
import argparse
import collections
import copy
import random

import numpy as np

import chainer
from chainer import functions as F
from chainer import links as L
from chainer import optimizers


class Corridor(object):
    """Five places in a row; who goes right from the last one gets 1, who goes left from the first .1."""

    def reset(self):
        self.place = 1
        return self.observe()

    def step(self, action):
        self.place += 1 if action == 1 else -1
        done = self.place in (-1, 5)
        return self.observe(), {-1: .1, 5: 1.}.get(self.place, 0.), done, {}

    def observe(self):
        return (np.arange(5) == self.place).astype(np.float32)


class Values(chainer.Chain):

    def __init__(self, n_in, n_actions, n_units=16):
        super(Values, self).__init__()
        with self.init_scope():
            self.l0 = L.Linear(n_in, n_units)
            self.l1 = L.Linear(n_units, n_units)
            self.l2 = L.Linear(n_units, n_actions, initialW=chainer.initializers.HeNormal(1e-2))

    def forward(self, x):
        return self.l2(F.relu(self.l1(F.relu(self.l0(x)))))

    def best(self, observation):
        with chainer.no_backprop_mode():
            return int(self(self.xp.asarray(observation[None])).array.argmax())


class Agent(object):

    def __init__(self, values, optimizer, double, discount=.9):
        self.values, self.optimizer, self.double, self.discount = values, optimizer, double, discount
        self.target = copy.deepcopy(values)
        self.memory = collections.deque(maxlen=10 ** 4)

    def act(self, observation, epsilon):
        return random.randrange(2) if np.random.rand() < epsilon else self.values.best(observation)

    def learn(self):
        batch = random.sample(list(self.memory), 32)
        x, action, reward, done, after = chainer.dataset.concat_examples(batch, self.values.device)
        q = F.select_item(self.values(x), action)
        with chainer.no_backprop_mode():
            following = self.target(after)
            if self.double:
                following = F.select_item(following, F.argmax(self.values(after), axis=1))
            else:
                following = F.max(following, axis=1)
            expected = reward + self.discount * (1 - done) * following
        loss = F.mean(F.huber_loss(q, expected, delta=1.0, reduce='no'))
        self.values.cleargrads()
        loss.backward()
        self.optimizer.update()
        return float(loss.array)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--episodes', type=int, default=120)
    parser.add_argument('--target-type', choices=['dqn', 'double_dqn'], default='dqn')
    parser.add_argument('--device', '-d', type=str, default='-1')
    parser.add_argument('--gpu', '-g', dest='device', type=int, nargs='?', const=0)
    args = parser.parse_args()
    device = chainer.get_device(args.device)
    device.use()
    random.seed(0)
    np.random.seed(0)

    world = Corridor()
    values = Values(5, 2)
    values.to_device(device)
    agent = Agent(values, optimizers.Adam(alpha=1e-2, eps=1e-2).setup(values), args.target_type == 'double_dqn')
    iteration, returns, loss = 0, [], 0.
    for episode in range(args.episodes):
        observation, total = world.reset(), 0.
        for _ in range(30):
            action = agent.act(observation, max(.1, 1 - iteration / 444))
            after, reward, done, _ = world.step(action)
            agent.memory.append((observation, np.int32(action), np.float32(reward), np.float32(done), after))
            observation, total = after, total + reward
            if len(agent.memory) >= 50:
                loss = agent.learn()
            if iteration % 25 == 0:
                agent.target.copyparams(values)
            iteration += 1
            if done:
                break
        returns.append(total)
        if episode % 20 == 19:
            print('episode', episode, 'steps', iteration, 'return', np.mean(returns[-20:]), 'loss', loss)
    q = values(np.eye(5, dtype='f')).array
    print(np.round(q, 2).tolist())
    assert [values.best(row) for row in np.eye(5, dtype='f')] == [1] * 5
    np.testing.assert_allclose(q[:, 1], .9 ** np.arange(4., -1, -1), atol=.15)


if __name__ == '__main__':
    main()
