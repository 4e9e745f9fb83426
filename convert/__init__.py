"""An adapter and its base to one GGUF file that the app can open, offline, on the `convert` extra.

A manifest is written last, so a file with a manifest is complete and was verified. It meets
`training` and the app in files only. Here so far: the package for a rented machine (convert.cog).
"""
