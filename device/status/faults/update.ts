import type { FaultTexts } from './fault-text.js';

/** Faults of updates. The bin sorts meanwhile. */
export const UPDATE_FAULTS = {
  'update-untrusted': {
    meaning: 'No root is trusted, so updates are off.',
    cure: 'Check the file of `update.root`, or run `sortbin model trust root.json`.',
    page: 'updates.md#set-up-a-bin',
  },
  'update-unreachable': {
    meaning: 'The repository of models cannot be reached.',
    cure: 'Check `update.url`, the network and the server. The bin tries again.',
  },
  'update-not-found': {
    meaning: 'The server does not have a file of the repository, or sends a page instead.',
    cure: '`update.url` must name the folder above `metadata` and `targets`.',
  },
  'update-metadata-invalid': {
    meaning: 'The repository is damaged, older than before, or another one.',
    cure: 'Ask its owner. If the owner has changed, run `sortbin model trust` with the new root.',
    page: 'updates.md#threats',
  },
  'update-metadata-expired': {
    meaning: 'The signatures of the repository have expired. No update is installed.',
    cure: 'The owner must sign the timestamp. Check also the clock of the bin (`timedatectl`).',
  },
  'update-file-invalid': {
    meaning: 'The server sends a file that is not the signed one.',
    cure: 'Ask the owner to copy the repository to the server again.',
  },
  'update-too-slow': {
    meaning: 'The network is too slow. The download continues at the next attempt.',
    cure: 'Check the network. If `update.maxBytesPerSecond` is set, raise it.',
  },
  'update-no-space': {
    meaning: 'The disk has no room for the update. Old bundles are removed already.',
    cure: 'Free some space.',
  },
  'update-failed': {
    meaning: 'The folder `models` in `dataDir`, or the state of updates, cannot be read or written.',
    cure: 'Follow the message.',
  },
} as const satisfies FaultTexts;

/** Reasons why a bundle was rejected, taken back or not activated. They are no faults of the bin. */
export const REJECTIONS = {
  'check-bundle': {
    meaning: 'A file of the bundle is missing, damaged or invalid, or it is another bundle.',
    cure: 'The owner must publish a new version.',
  },
  'check-policy': {
    meaning: 'A label has no compartment, or a compartment has no route.',
    cure: 'Correct `policy` and `gate`. Then run `sortbin model install` with this version.',
  },
  'check-runtime': {
    meaning: 'The bundle has no model for a runtime that `vision.runtime` allows.',
    cure: 'Allow another runtime, or ask the owner for a model for it.',
  },
  'check-memory': {
    meaning: 'The memory is too small for a second model now.',
    cure: 'The bin tries again. If it stays, stop other programs.',
  },
  'check-golden': {
    meaning: 'A runtime that works on this machine gives wrong answers, ends, or needs too much.',
    cure: 'The owner must publish a new version.',
  },
  'check-slow': {
    meaning: 'An item would take too long on this machine.',
    cure: 'Use a faster machine, a Coral Edge TPU or a smaller model.',
  },
  'check-timeout': {
    meaning: 'The checks did not end in time.',
    cure: 'Run `sortbin model install` again while the machine is idle.',
  },
  'check-postponed': {
    meaning: 'The check could not be made now, for example because items came.',
    cure: 'Nothing. The bin tries again.',
  },
  'update-runtime-faults': {
    meaning: 'Items in a row failed in the runtime after the activation. The bin went back.',
    cure: 'The owner must publish a new version.',
  },
  'update-crash-loop': {
    meaning: 'Starts in a row did not become healthy with this bundle. The bin went back.',
    cure: 'The owner must publish a new version.',
  },
  'update-interrupted': {
    meaning: 'The program ended several times while it checked or activated this bundle.',
    cure: 'Check the power supply. Then run `sortbin model install` with this version.',
  },
  'update-rolled-back': {
    meaning: 'A person went back from this bundle.',
    cure: 'Run `sortbin model activate` with this version to use it again.',
  },
  'update-revoked': {
    meaning: 'The owner revoked this bundle.',
    cure: 'Nothing. The bin has left it.',
  },
  'update-slot-missing': {
    meaning: 'The files of the active bundle were removed. The bin went back.',
    cure: 'Check the disk. Do not change the folder `models` in `dataDir`.',
  },
  'update-swap-timeout': {
    meaning: 'The exchange of the model did not end in time.',
    cure: 'Run `sortbin model activate` again while the machine is idle.',
  },
} as const satisfies FaultTexts;
