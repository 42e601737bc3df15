"""Probability distributions."""
from autograd_nn.distributions.bernoulli import Bernoulli
from autograd_nn.distributions.beta import Beta
from autograd_nn.distributions.categorical import Categorical
from autograd_nn.distributions.cauchy import Cauchy
from autograd_nn.distributions.chisquare import Chisquare
from autograd_nn.distributions.dirichlet import Dirichlet
from autograd_nn.distributions.exponential import Exponential
from autograd_nn.distributions.gamma import Gamma
from autograd_nn.distributions.geometric import Geometric
from autograd_nn.distributions.gumbel import Gumbel
from autograd_nn.distributions.independent import Independent
from autograd_nn.distributions.laplace import Laplace
from autograd_nn.distributions.log_normal import LogNormal
from autograd_nn.distributions.multivariate_normal import MultivariateNormal
from autograd_nn.distributions.normal import Normal
from autograd_nn.distributions.one_hot_categorical import OneHotCategorical
from autograd_nn.distributions.pareto import Pareto
from autograd_nn.distributions.poisson import Poisson
from autograd_nn.distributions.uniform import Uniform

__all__ = [
    'Bernoulli', 'Beta', 'Categorical', 'Cauchy', 'Chisquare', 'Dirichlet', 'Exponential', 'Gamma', 'Geometric',
    'Gumbel', 'Independent', 'Laplace', 'LogNormal', 'MultivariateNormal', 'Normal', 'OneHotCategorical', 'Pareto',
    'Poisson', 'Uniform',
]
