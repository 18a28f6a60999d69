"""What the tests here ask of the built daemon, in its own language."""

SERVE = """
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
"""The options by which a Classifier serves the bundle that is the script's argument."""
