"""Steps of the command line, one module for each step."""
