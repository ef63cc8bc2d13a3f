"""Ritter et al. (2018): meta-learning with episodic recall."""
