"""From pictures in labelled folders to a bundle for the bin."""
