"""Measurements, each a ratio to a yardstick taken in the same run. `python -m bench` runs all."""
