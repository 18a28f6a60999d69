import type { BundleRuntime, Manifest } from './bundle/manifest.js';
import {
  type Interpreter,
  InterpreterError,
  type Outputs,
  type TensorData,
  type TensorSpec,
} from './interpreter.js';

/**
 * The tensor in which a runtime gives an output of the bundle; null where the manifest names none.
 * @throws InterpreterError `model-invalid` where the model lacks it, or its logits are not one for each label
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
      `the model has no ${output} tensor ${name}; it has ${present}`,
    );
  }
  const values = spec.shape.reduce((product, size) => product * size, 1);
  if (output === 'logits' && values !== labels.length) {
    throw new InterpreterError('model-invalid', `the model has ${values} logits for ${labels.length} labels`);
  }
  return spec;
};

/** The tensor of the logits: without it nothing can be told. @throws InterpreterError `model-invalid` */
export const logitsSpec = (
  manifest: Manifest,
  runtime: BundleRuntime,
  interpreter: Interpreter,
): TensorSpec => {
  const spec = outputSpec(manifest, runtime, 'logits', interpreter);
  if (!spec) throw new InterpreterError('model-invalid', `the manifest names no logits for ${runtime}`);
  return spec;
};

/** An output's values. @throws InterpreterError `output-invalid` */
export const outputOf = (outputs: Outputs, { name }: TensorSpec): TensorData => {
  const data = outputs.get(name);
  if (!data) throw new InterpreterError('output-invalid', `the run gave no output ${name}`);
  return data;
};
