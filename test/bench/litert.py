"""Measures the Python interpreter for comparison. Reads a number of runs per line, prints their milliseconds as JSON."""

import json
import sys
import time

import numpy as np
from ai_edge_litert.interpreter import Interpreter

model, threads = sys.argv[1], int(sys.argv[2])
interpreter = Interpreter(model_path=model, num_threads=threads)
interpreter.allocate_tensors()
(model_input,) = interpreter.get_input_details()
outputs = [output["index"] for output in interpreter.get_output_details()]
image = np.random.default_rng(1).integers(0, 256, model_input["shape"], np.uint8)

for line in sys.stdin:
    elapsed = []
    for _ in range(int(line)):
        start = time.perf_counter()
        interpreter.set_tensor(model_input["index"], image)
        interpreter.invoke()
        for index in outputs:
            interpreter.get_tensor(index)
        elapsed.append((time.perf_counter() - start) * 1e3)
    print(json.dumps(elapsed), flush=True)
