"""Raw files to dialogues to a fine-tuned adapter, offline, on the `training` extra.

It shares `Message` and the model's own chat template with the app, so that a model is trained on
what it will later be asked. It meets the app and `convert` in files only: an adapter folder and its
manifest, written last. Nothing is here yet.
"""
