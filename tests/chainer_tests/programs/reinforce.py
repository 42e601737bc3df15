"""Chainer 7: a policy by REINFORCE with a baseline; actions are drawn from distributions."""
import argparse

import numpy as np

import chainer
import chainer.distributions as D
import chainer.functions as F
import chainer.links as L


class Policy(chainer.Chain):

    def __init__(self, n_actions, n_units=16):
        super().__init__()
        with self.init_scope():
            self.body = chainer.Sequential(L.Linear(None, n_units), F.tanh)
            self.logits = L.Linear(n_units, n_actions, initialW=chainer.initializers.Normal(.01))
            self.value = L.Linear(n_units, 1)
            self.temperature = chainer.Parameter(initializer=0., shape=())

    def forward(self, obs):
        h = self.body(obs)
        scale = F.exp(-self.temperature)
        return D.Categorical(logit=self.logits(h) * F.broadcast_to(scale, (len(obs), 3))), F.squeeze(self.value(h), 1)


class Bandits:
    """The best of three levers is that of the larger of two numbers, or the third if both are small."""

    def __init__(self, seed):
        self.rs = np.random.RandomState(seed)

    def observe(self, n):
        self.state = self.rs.rand(n, 2).astype(np.float32)
        return self.state

    def reward(self, action):
        best = np.where(self.state.max(axis=1) < .4, 2, self.state.argmax(axis=1))
        return (action == best).astype(np.float32)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--device', '-d', type=str, default='-1')
    parser.add_argument('--steps', type=int, default=300)
    parser.add_argument('--entropy', type=float, default=.01)
    args = parser.parse_args()
    device = chainer.get_device(args.device)
    device.use()
    np.random.seed(0)

    policy = Policy(3)
    policy.to_device(device)
    policy(policy.xp.zeros((1, 2), np.float32))  # settles the sizes
    optimizer = chainer.optimizers.RMSprop(lr=.01)
    optimizer.setup(policy)
    optimizer.add_hook(chainer.optimizer_hooks.GradientClipping(1.))
    policy.value.W.update_rule.hyperparam.lr = .02
    world = Bandits(1)
    rewards = []
    for step in range(args.steps):
        distribution, value = policy(device.send(world.observe(64)))
        action = distribution.sample()
        assert action.dtype.kind == 'i' and action.shape == (64,)
        reward = device.send(world.reward(chainer.backends.cuda.to_cpu(action.array)))
        advantage = reward - value.array
        policy_loss = -F.mean(distribution.log_prob(action) * advantage)
        value_loss = F.mean_squared_error(value, reward)
        loss = policy_loss + .5 * value_loss - args.entropy * F.mean(distribution.entropy)
        policy.cleargrads()
        loss.backward()
        optimizer.update()
        rewards.append(float(reward.mean()))
        if step % 100 == 99:
            print('step', step, 'reward', np.mean(rewards[-50:]), 'temperature', float(policy.temperature.array))
    assert np.mean(rewards[-50:]) > .75 > np.mean(rewards[:20]), rewards
    with chainer.no_backprop_mode(), chainer.using_config('train', False):
        distribution, _ = policy(device.send(world.observe(200)))
    greedy = distribution.p.array.argmax(axis=1)
    print('greedy', world.reward(greedy).mean())
    assert world.reward(greedy).mean() > .8


if __name__ == '__main__':
    main()
