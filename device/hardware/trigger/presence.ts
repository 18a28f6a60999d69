/** When something counts as there. */
export interface PresenceRules {
  /** Nearer is there. */
  readonly nearMm: number;
  /** Farther is gone; what lies between the two changes nothing. */
  readonly farMm: number;
}

export interface PresenceState {
  readonly isPresent: boolean;
  /** The last measures in mm, newest last; null: nothing was measured. */
  readonly recentMm: readonly (number | null)[];
}

export const absent: PresenceState = { isPresent: false, recentMm: [] };

const MEASURES = 3;
const NEEDED = 2;

/** Pure: it takes two of the last three measures to change it. `distanceMm`: Infinity where nothing was in range. */
export const updatePresence = (
  state: PresenceState,
  distanceMm: number | null,
  { nearMm, farMm }: PresenceRules,
): PresenceState => {
  const recentMm = [...state.recentMm, distanceMm].slice(-MEASURES);
  const changes = recentMm.filter((mm) => mm !== null && (state.isPresent ? mm > farMm : mm < nearMm));
  return { isPresent: changes.length >= NEEDED ? !state.isPresent : state.isPresent, recentMm };
};
