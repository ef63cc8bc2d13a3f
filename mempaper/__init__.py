"""mempaper: an executable book on how neural networks remember."""

__version__ = "0.1.0"
