"""A network of chainerrl learns to go through letters in their order."""
import chainer
import chainerrl
import numpy as np
from chainerrl.envs.abc import ABC

chainerrl.misc.set_random_seed(0)
env = ABC(size=3, discrete=True, episodic=True, partially_observable=False, deterministic=True)
q = chainerrl.q_functions.FCStateQFunctionWithDiscreteAction(
    env.observation_space.low.size, env.action_space.n, n_hidden_channels=20, n_hidden_layers=2)
optimizer = chainer.optimizers.Adam(alpha=3e-3)
optimizer.setup(q)
agent = chainerrl.agents.DoubleDQN(
    q, optimizer, chainerrl.replay_buffer.ReplayBuffer(10 ** 4), gamma=0.9,
    explorer=chainerrl.explorers.LinearDecayEpsilonGreedy(1.0, 0.1, 500, env.action_space.sample),
    replay_start_size=50, target_update_interval=20, update_interval=1, minibatch_size=16)
chainerrl.experiments.train_agent(agent, env, steps=1500, outdir='out')
rewards = []
for _ in range(10):
    obs, done, total = env.reset(), False, 0
    while not done:
        obs, reward, done, _ = env.step(agent.act(obs))
        total += reward
    agent.stop_episode()
    rewards.append(total)
print(rewards)
assert np.mean(rewards) > .9
agent.save('agent')
agent.load('agent')
