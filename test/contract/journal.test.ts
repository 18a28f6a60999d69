import { SimulatedJournal } from '../../device/journal/simulated-journal.js';
import { journalOptions, openSqlite, temporaryFolder } from '../support/journal/journal-folder.js';
import { journalContract } from './journal-contract.js';

journalContract('SimulatedJournal', () => {
  let last: SimulatedJournal | undefined;
  return async (limits) => {
    last = new SimulatedJournal({ ...limits, ...(last && { earlier: last }) });
    return last;
  };
});

journalContract('SqliteJournal', (t) => {
  const dataDir = temporaryFolder(t);
  return (limits) => openSqlite(t, journalOptions(dataDir, limits));
});
