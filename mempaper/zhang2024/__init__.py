"""Zhang, Pitkow & Angelaki (2024): modular and holistic agents steer by belief to a firefly."""
