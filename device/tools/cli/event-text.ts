import type { BinEvent } from '../../cycle/event.js';

// The texts of an event: one line in the log and in `sortbin events`.

/** Returns what happened and why, for example `paper 0.84 below 0.91 -> residual`. */
export const eventText = (event: BinEvent): string => {
  const { outcome, count, compartment, item, decision, fault } = event;
  if (outcome === 'emptied') return `emptied: ${compartment}`;
  if (outcome === 'disputed') return `wrong: item ${item}`;
  if (outcome === 'ignored') {
    const triggers = count === 1 ? '1 trigger' : `${count} triggers`;
    return `ignored: ${triggers} while ${decision?.reason === 'held' ? 'held' : 'busy'}`;
  }
  const guess = decision ? decisionText(event) : '';
  if (outcome === 'sorted') return guess;
  const reason = fault ? fault.code : guess ? '' : decision?.reason;
  return [outcome, guess, reason === outcome ? '' : reason].filter(Boolean).join(': ');
};

/** Returns the label with its score, the reason unless the model was confident, and the compartment. */
export const decisionText = ({ decision, scores, thresholds }: BinEvent): string => {
  if (!decision?.label) return '';
  const { label, confidence, reason, compartment } = decision;
  const lead = leadOf(scores);
  const reasons: Readonly<Record<string, string>> = {
    confident: '',
    'low-confidence': thresholds ? ` below ${number(thresholds.confidence)}` : ' low confidence',
    'narrow-margin': thresholds
      ? `, lead ${number(lead)} below ${number(thresholds.margin)}`
      : ' narrow margin',
    'compartment-full': ', full',
  };
  const place = compartment === null ? '' : ` -> ${compartment}`;
  return `${label} ${number(confidence ?? 0)}${reasons[reason] ?? `, ${reason}`}${place}`;
};

/** Returns the difference between the two highest scores. */
export const leadOf = (scores: BinEvent['scores']): number => {
  const [first = 0, second = 0] = Object.values(scores).sort((a, b) => b - a);
  return first - second;
};

/** Rounds down, so that a value below a threshold never looks equal to it. */
export const number = (value: number): string => (Math.floor(value * 100 + 1e-6) / 100).toFixed(2);
