"""JavaScript for tests that run the built daemon."""

CLASSIFIER_OPTIONS = """
const options = {
  bundle: process.argv[1],
  runtime: 'tflite',
  threads: 1,
  tflite: { binding: 'tensorflowlite', library: null },
  edgetpu: { library: '', device: 'auto', performance: null },
  nice: 0,
  cpus: null,
  skip: [],
};
"""
"""Options of a Classifier for the bundle in the first argument of the script."""
