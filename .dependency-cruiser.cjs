/** The walls between the rooms of device/. A change here is a change of design: write docs/adr/ first. */

/** Everything that starts a process, opens a file or a socket, asks the time or throws dice. */
const IMPURE =
  'koffi|sharp|mqtt|aedes|pino|@photostructure/sqlite|uuid|^node:|^(fs|net|http|https|child_process|worker_threads|crypto)(/|$)';

/** A room's door is the file of its own name; the cycle has more than one subject to hand out. */
const rooms = [
  'trigger',
  'camera',
  'gate',
  'lines',
  'fill',
  'person',
  'vision',
  'journal',
  'mqtt',
  'status',
  'bench',
  'cycle',
  'doctor',
  'calibrate',
  'control',
];
const MORE_DOORS = { cycle: ['event', 'policy', 'runner'], vision: ['probe'] };
const doors = rooms.map((room) => ({
  name: `door-of-${room}`,
  comment: `Another room imports the door of ${room}/, nothing behind it; wire.ts, daemon.ts and the commands see inside.`,
  severity: 'error',
  from: { path: '^device/[^/]+/', pathNot: `^device/(${room}|cli|wire)/` },
  to: {
    path: `^device/${room}/`,
    pathNot: `^device/${room}/(${[room, ...(MORE_DOORS[room] ?? [])].join('|')})\\.ts$`,
  },
}));

module.exports = {
  forbidden: [
    { name: 'no-circles', severity: 'error', from: {}, to: { circular: true } },
    { name: 'no-orphans', severity: 'error', from: { orphan: true, pathNot: '\\.d\\.ts$' }, to: {} },
    {
      name: 'pure-decisions',
      comment: 'What decides takes time, ids and scores as arguments.',
      severity: 'error',
      from: {
        path: '^device/(cycle/(machine|policy|state|event)|inference/calibration|mqtt/topic|fill/smoothing|trigger/presence)\\.ts$',
      },
      to: { path: IMPURE, dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'pure-decisions-stay-so',
      severity: 'error',
      from: {
        path: '^device/(cycle/(machine|policy|state|event)|inference/calibration|fill/smoothing|trigger/presence)\\.ts$',
      },
      to: {
        path: '^device/',
        pathNot:
          '^device/(kit/errors|cycle/(machine|policy|state|event)|inference/calibration|fill/smoothing|trigger/presence)\\.ts$',
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'kit-imports-no-room',
      severity: 'error',
      from: { path: '^device/kit/' },
      to: { path: '^device/', pathNot: '^device/kit/' },
    },
    {
      name: 'inference-stands-alone',
      comment: 'It could be published alone.',
      severity: 'error',
      from: { path: '^device/inference/' },
      to: { path: '^device/', pathNot: '^device/(inference|kit)/' },
    },
    {
      name: 'lines-stand-alone',
      severity: 'error',
      from: { path: '^device/lines/' },
      to: { path: '^device/', pathNot: '^device/(lines|kit)/' },
    },
    {
      name: 'topics-stand-alone',
      severity: 'error',
      from: { path: '^device/mqtt/topic\\.ts$' },
      to: { path: '^device/', pathNot: '^device/kit/' },
    },
    {
      name: 'only-wire-knows-drivers',
      comment: 'A driver of several files knows its own.',
      severity: 'error',
      from: { path: '^device/([^/]+)', pathNot: '^device/wire(/|\\.ts)' },
      to: {
        path: '^device/(trigger|camera|gate|lines|vision|journal|mqtt|fill|person)/(simulated-[a-z]+|forked-vision|sqlite-journal|outbox-publisher|embedded-broker|io-lines|sysfs-lines|lines-gate|servo-gate|[a-z]+-trigger|ultrasonic-fill|line-person)\\.ts$',
        pathNot: '^device/$1/',
      },
    },
    {
      name: 'drivers-know-no-cycle',
      severity: 'error',
      from: { path: '^device/(trigger|camera|gate|lines|fill|person|vision|journal|mqtt|inference)/' },
      to: { path: '^device/(cycle|status|bench|doctor|cli)/' },
    },
    {
      name: 'config-for-types-alone',
      comment: 'Each room gets its own part, as an argument.',
      severity: 'error',
      from: { path: '^device/', pathNot: '^device/(config|cli)/' },
      to: { path: '^device/config/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'native-code-behind-the-child',
      comment: 'A picture or a library that crashes takes the child with it, never the daemon.',
      severity: 'error',
      from: { path: '^device/(daemon\\.ts|cli/|doctor/)' },
      to: { path: 'node_modules/(sharp|koffi|@tensorflow)', reachable: true },
    },
    ...doors,
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: 'specify',
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'types', 'node', 'default'],
    },
  },
};
