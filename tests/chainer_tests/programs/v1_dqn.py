"""Chainer 1.2: values of actions by a FunctionSet, its target a deep copy, and errors that arrays clip."""
import copy

import numpy as np

from chainer import cuda, FunctionSet, Variable, optimizers
import chainer.functions as F


class Agent:

    def __init__(self):
        self.model = FunctionSet(
            conv=F.Convolution2D(1, 4, ksize=3, stride=1, nobias=False, pad=1),
            hidden=F.Linear(4 * 5, 16),
            value=F.Linear(16, 2, initialW=np.zeros((2, 16), dtype=np.float32)))
        self.target = copy.deepcopy(self.model)
        self.optimizer = optimizers.RMSpropGraves(lr=.002, alpha=.95, momentum=.9, eps=.001)
        self.optimizer.setup(self.model.collect_parameters())
        self.memory = []

    def values(self, model, screens, volatile=False):
        h = F.relu(model.conv(Variable(np.asarray(screens, np.float32), volatile=volatile)))
        return model.value(F.relu(model.hidden(h)))

    def act(self, screen, epsilon):
        q = cuda.to_cpu(self.values(self.model, screen[None], volatile=True).data)
        return np.random.randint(2) if np.random.rand() < epsilon else int(q.argmax())

    def learn(self):
        """An update by 32 transitions; errors beyond 1 count as 1."""
        chosen = [self.memory[i] for i in np.random.randint(0, len(self.memory), 32)]
        before, action, reward, after, is_last = [np.array(column) for column in zip(*chosen)]
        following = self.values(self.target, after, volatile=True).data.max(axis=1)
        q = self.values(self.model, before)
        expected = q.data.copy()
        expected[np.arange(32), action] = reward + .9 * following * ~is_last
        error = Variable(expected) - q
        is_small = abs(error.data) <= 1
        clipped = error * is_small.astype('f') + error / Variable(abs(error.data) + is_small) * (~is_small).astype('f')
        loss = F.mean_squared_error(clipped, Variable(np.zeros_like(expected)))
        self.optimizer.zero_grads()
        loss.backward()
        self.optimizer.update()
        return float(loss.data)


def screen(place):
    """A row of five pixels, in one of which somebody stands."""
    picture = np.zeros((1, 1, 5), np.uint8)
    picture[0, 0, min(max(place, 0), 4)] = 1
    return picture


np.random.seed(0)
agent = Agent()
assert not agent.model.value(Variable(np.ones((1, 16), 'f'))).data.any()
steps, returns, loss = 0, [], None
for episode in range(90):
    place, total = 1, 0
    for _ in range(15):
        before = place
        action = agent.act(screen(before), max(.1, 1 - steps / 350.))
        place += 2 * action - 1
        reward = {-1: .1, 5: 1.}.get(place, 0.)
        agent.memory.append((screen(before), action, reward, screen(place), place in (-1, 5)))
        if steps >= 60:
            loss = agent.learn()
        if steps % 30 == 0:
            agent.target = copy.deepcopy(agent.model)
        steps += 1
        total += reward
        if place in (-1, 5):
            break
    returns.append(total)
    if episode % 30 == 29:
        print('episode', episode, 'steps', steps, 'return', np.mean(returns[-30:]), 'loss', loss)
q = agent.values(agent.model, [screen(place) for place in range(5)], volatile=True).data
print(np.round(q, 2).tolist())
assert (q[:, 1] > q[:, 0]).all()
