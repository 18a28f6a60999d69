import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { eventText } from '../../../device/tools/cli/event-text.js';
import { anEvent, EXPLAINED } from '../../support/event.js';

describe('the text of an event', () => {
  for (const [text, changes] of EXPLAINED) it(text, () => assert.equal(eventText(anEvent(changes)), text));
});
