"""The package that serves a TheraGen model on a rented machine.

    package   a GGUF file -> a folder that is ready for `cog push`
    runner    what answers there; becomes run.py of that folder
    weights   where it finds the model: in the folder, or at an address, checked

The server has the safety prompt and the filter of replies too, and neither prints nor logs what is
said. It imports the core, which is copied beside it, and nothing else of this project.
"""
