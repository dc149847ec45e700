"""Adversarial motion priors (Peng et al., 2021): a discriminator beside PPO that rewards moving like the expert."""
