"""Khajehabdollahi et al. (2024): curricula and the timescales of memory."""
