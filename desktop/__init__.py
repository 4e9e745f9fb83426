"""The window. It knows theragen_core and nothing else of ours, and never runs a model itself."""
