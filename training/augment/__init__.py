"""Training pictures: how they are changed, mixed and fed to the training."""
