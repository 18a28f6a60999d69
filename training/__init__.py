"""The training pipeline: from images in labelled folders to a model bundle for the bin."""
