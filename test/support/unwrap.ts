import type { Answer } from '../../device/kit/errors.js';

/** Returns the value of an answer. @throws Error with the code and the message of its fault */
export const unwrap = <T>(answer: Answer<T>): T => {
  if (answer.ok) return answer.value;
  throw new Error(`${answer.fault.code}: ${answer.fault.message}`);
};
