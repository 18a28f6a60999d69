import type { Step } from '../setup.js';

/** The identifier of the bin and its name for people. */
export const binStep: Step = {
  name: 'bin',
  title: 'Name of the bin',
  intro:
    'The id is a part of every MQTT topic and event. Each bin of a site needs another one. Use a-z, 0-9, _ and -.',
  section: 'bin',
  summary: ({ bin }) => `id ${bin.id}, name "${bin.name}"`,
  ask: async ({ prompt, config: { bin }, problemOf }) => ({
    bin: {
      id: await prompt.text('Id', bin.id, (id) => problemOf({ bin: { id } }, 'bin.id')),
      name: await prompt.text('Name for people', bin.name, (name) =>
        problemOf({ bin: { name } }, 'bin.name'),
      ),
    },
  }),
  check: async () => ({}),
};
