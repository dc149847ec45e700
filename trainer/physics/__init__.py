"""Batched physics behind one face: `step` and `reset` on a batch of robots, states as plain arrays."""
