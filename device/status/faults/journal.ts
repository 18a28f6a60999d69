import type { JournalErrorCode } from '../../journal/journal.js';
import type { FaultTexts } from './fault-text.js';

type JournalCode =
  | JournalErrorCode
  | 'journal-down'
  | 'journal-timeout'
  | 'journal-set-aside'
  | 'interrupted'
  | 'stopped'
  | 'timeout';

/** Faults of the journal, and of the daemon. */
export const JOURNAL_FAULTS: FaultTexts<JournalCode> = {
  'journal-down': {
    meaning: 'The row of an item could not be written, so the gate did not move.',
    cure: 'Check the disk: its free space, and whether it is read-only.',
    page: 'troubleshooting.md#the-disk-is-full',
  },
  'journal-timeout': {
    meaning: 'The row of an item was not written within `cycle.recordMs`.',
    cure: 'Check the disk. A worn SD card becomes slow.',
  },
  'journal-unreadable': {
    meaning: 'The journal cannot be opened. The message states why and what to do.',
    cure: 'Follow the message.',
  },
  'journal-failed': {
    meaning: 'A read or a write failed, or the thread of the journal stopped and is restarted.',
    cure: 'Check the disk. The bin continues as soon as a write succeeds.',
  },
  'journal-full': {
    meaning: 'The disk is full, and no frame is left to delete.',
    cure: 'Free some space. The bin continues without a restart.',
    page: 'troubleshooting.md#the-disk-is-full',
  },
  'journal-set-aside': {
    meaning: 'A damaged journal was replaced by an empty one.',
    cure: 'Check the SD card and the power supply. The fault ends at the next start.',
    page: 'troubleshooting.md#the-journal-was-damaged',
  },
  'journal-busy': {
    meaning: 'More than 256 requests wait for the disk, or 1,000 commands for an answer.',
    cure: 'Check the disk. Send fewer commands.',
  },
  'journal-closed': {
    meaning: 'The journal is closed, because the bin stops.',
    cure: 'Nothing.',
  },
  'already-finished': {
    meaning: 'A row was finished twice. This is an error in the program.',
    cure: 'Report it, with the lines of the log.',
  },
  'unknown-event': {
    meaning: 'A label names an event that the journal does not have, or no longer has.',
    cure: 'Run `sortbin events` for the events that it has.',
  },
  'transaction-reused': {
    meaning: 'The transaction id was used for another command.',
    cure: 'Send the command with a new id.',
  },
  'unknown-transaction': {
    meaning: 'A command was ended that was not begun. This is an error in the program.',
    cure: 'Report it, with the lines of the log.',
  },
  interrupted: {
    meaning: 'The daemon or the machine stopped during this item.',
    cure: 'If it occurs often, check the power supply.',
  },
  stopped: {
    meaning: 'The daemon was stopped during this item.',
    cure: 'Nothing.',
  },
  timeout: {
    meaning: 'A step gave no answer in time. The message states which time.',
    cure: 'Stop other programs on this machine, or raise that time.',
  },
};
