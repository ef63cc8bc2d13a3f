"""Orhan & Ma (2019): when networks remember by sequences, and when by persistent activity."""
