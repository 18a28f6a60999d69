"""Export of a trained network to other formats, with the expected answers of each format."""
