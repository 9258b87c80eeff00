"""Hot reload: a saved edit of the handlers becomes the next release of a running cloud."""
