"""One file a step of the command line."""
