/** The distances, in mm, at which an item becomes present and absent (hysteresis). */
export interface PresenceRules {
  /** A nearer distance means present. */
  readonly nearMm: number;
  /** A farther distance means absent. A distance between the two changes nothing. */
  readonly farMm: number;
}

export interface PresenceState {
  readonly isPresent: boolean;
  /** The last measurements in mm, newest last. null: the measurement failed. */
  readonly recentMm: readonly (number | null)[];
}

export const absent: PresenceState = { isPresent: false, recentMm: [] };

const WINDOW = 3;
const NEEDED = 2;

/**
 * Returns the state after one more measurement. Two of the last three measurements must agree to change the presence.
 * `distanceMm` is Infinity if nothing is in range, and null if the measurement failed.
 */
export const updatePresence = (
  state: PresenceState,
  distanceMm: number | null,
  { nearMm, farMm }: PresenceRules,
): PresenceState => {
  const recentMm = [...state.recentMm, distanceMm].slice(-WINDOW);
  const changes = recentMm.filter((mm) => mm !== null && (state.isPresent ? mm > farMm : mm < nearMm));
  return { isPresent: changes.length >= NEEDED ? !state.isPresent : state.isPresent, recentMm };
};
