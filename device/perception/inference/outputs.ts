import type { BundleRuntime, Manifest } from './bundle/manifest.js';
import {
  type Interpreter,
  InterpreterError,
  type Outputs,
  type TensorData,
  type TensorSpec,
} from './interpreter.js';

/**
 * Returns the tensor that holds an output of the bundle, or null if the manifest does not name it.
 * @throws InterpreterError `model-invalid` if the model lacks the tensor, or does not have one logit per label
 */
export const outputSpec = (
  { outputs, labels }: Manifest,
  runtime: BundleRuntime,
  output: 'logits' | 'embedding',
  interpreter: Interpreter,
): TensorSpec | null => {
  const name = outputs[output]?.[runtime];
  if (name === undefined) return null;
  const spec = interpreter.outputs.get(name);
  if (!spec) {
    const present = [...interpreter.outputs.keys()].join(', ');
    throw new InterpreterError(
      'model-invalid',
      `manifest.json: outputs.${output}.${runtime}: the model has no tensor ${name}. It has ${present}.`,
    );
  }
  const values = spec.shape.reduce((product, size) => product * size, 1);
  if (output === 'logits' && values !== labels.length) {
    throw new InterpreterError(
      'model-invalid',
      `manifest.json: ${labels.length} labels for ${values} logits of the model. List one label for each logit.`,
    );
  }
  return spec;
};

/** Returns the tensor that holds the logits. @throws InterpreterError `model-invalid` if there is none */
export const logitsSpec = (
  manifest: Manifest,
  runtime: BundleRuntime,
  interpreter: Interpreter,
): TensorSpec => {
  const spec = outputSpec(manifest, runtime, 'logits', interpreter);
  if (!spec) {
    throw new InterpreterError('model-invalid', `manifest.json: outputs.logits.${runtime} is missing`);
  }
  return spec;
};

/** Returns the values of an output. @throws InterpreterError `output-invalid` */
export const outputOf = (outputs: Outputs, { name }: TensorSpec): TensorData => {
  const data = outputs.get(name);
  if (!data) throw new InterpreterError('output-invalid', `the run returned no output ${name}`);
  return data;
};
