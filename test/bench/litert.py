"""Python's own interpreter, as the yardstick: a number of runs on stdin, their milliseconds as JSON on stdout."""

import json
import sys
import time

import numpy as np
from ai_edge_litert.interpreter import Interpreter

model, threads = sys.argv[1], int(sys.argv[2])
interpreter = Interpreter(model_path=model, num_threads=threads)
interpreter.allocate_tensors()
(given,) = interpreter.get_input_details()
outputs = [output["index"] for output in interpreter.get_output_details()]
picture = np.random.default_rng(1).integers(0, 256, given["shape"], np.uint8)

for line in sys.stdin:
    elapsed = []
    for _ in range(int(line)):
        start = time.perf_counter()
        interpreter.set_tensor(given["index"], picture)
        interpreter.invoke()
        for index in outputs:
            interpreter.get_tensor(index)
        elapsed.append((time.perf_counter() - start) * 1e3)
    print(json.dumps(elapsed), flush=True)
