/** Import rules of device/. A change here is a change of design: write a decision record in docs/adr/ first. */

/** From top to bottom. A module imports only from its own layer and from the layers below it. */
const LAYERS = [
  'tools',
  'daemon',
  'wire',
  'network',
  'update',
  'status',
  'config',
  'cycle',
  'perception',
  'journal',
  'hardware',
  'kit',
];
const layers = LAYERS.slice(1).map((layer, index) => ({
  name: `layer-${layer}`,
  comment: `${layer}/ imports only from itself and from ${LAYERS.slice(index + 2).join(', ') || 'no other layer'}.`,
  severity: 'error',
  from: { path: `^device/${layer}/` },
  to: { path: `^device/(${LAYERS.slice(0, index + 1).join('|')})/` },
}));

/** Modules, each with the files that make up its public interface. By default that is the file of the module's name. */
const MODULES = {
  'tools/bench': ['bench'],
  'tools/doctor': ['doctor'],
  'tools/calibrate': ['calibrate', 'camera-meter', 'camera-view', 'gate-session', 'stopped-bin', 'terminal'],
  'tools/setup': ['setup'],
  'tools/release': ['release'],
  'network/mqtt': ['mqtt'],
  'network/commands': ['commands', 'registry'],
  'network/systemd': ['systemd'],
  'network/homeassistant': ['homeassistant'],
  'network/http': ['http'],
  'network/metrics': ['metrics'],
  'update/repository': ['repository', 'limits'],
  'update/store': ['store'],
  'update/gates': ['gates'],
  status: ['status', 'info', 'liveness', 'machine-faults', 'mode', 'faults/faults'],
  cycle: ['event', 'observer', 'policy', 'progress', 'runner', 'state', 'totals'],
  'perception/vision': ['vision', 'probe', 'frame-inspector'],
  'perception/model': ['model'],
  journal: ['journal', 'lock'],
  'hardware/lines': ['lines'],
  'hardware/trigger': ['trigger', 'ultrasonic-timing'],
  'hardware/camera': ['camera', 'camera-list', 'jpeg', 'left-out'],
  'hardware/gate': ['gate'],
  'hardware/fill': ['fill'],
  'hardware/panel': ['panel'],
  'hardware/machine': ['machine'],
};
const publicInterfaces = Object.entries(MODULES).map(([module, files]) => ({
  name: `public-interface-of-${module.replace('/', '-')}`,
  comment: `Other modules import the public interface of ${module}/ only. wire/, daemon/ and tools/cli/ may import all of it.`,
  severity: 'error',
  from: { path: '^device/', pathNot: `^device/(${module}|wire|daemon|tools/cli)/` },
  to: { path: `^device/${module}/`, pathNot: `^device/${module}/(${files.join('|')})\\.ts$` },
}));

/** Drivers, by module. Only wire/ knows them by name. */
const DRIVERS = {
  'network/mqtt': 'outbox-publisher|embedded/embedded-broker',
  'perception/vision': 'simulated-vision|forked-vision',
  journal: 'simulated-journal|sqlite-journal',
  'hardware/lines': 'simulated/simulated-lines|sortbin-io/sortbin-io-lines|sysfs/sysfs-lines',
  'hardware/trigger': '[a-z]+-trigger',
  'hardware/camera':
    'simulated-camera|rpicam/rpicam-camera|v4l2/v4l2-camera|node-libcamera/node-libcamera-camera',
  'hardware/gate': 'simulated-gate|lines-gate|servo-gate',
  'hardware/fill': 'simulated-fill|ultrasonic-fill',
  'hardware/panel': 'line-panel',
  'hardware/machine': 'linux-machine',
};
const drivers = Object.entries(DRIVERS).map(([module, files]) => ({
  name: `drivers-of-${module.replace('/', '-')}`,
  comment: 'Only wire/ imports drivers. A driver of several files imports its own.',
  severity: 'error',
  from: { path: '^device/', pathNot: `^device/(${module}|wire)/` },
  to: { path: `^device/${module}/(${files})\\.ts$` },
}));

/** Packages and Node modules that start a process, open a file or a socket, read the time or make random numbers. */
const IMPURE =
  'koffi|sharp|mqtt|aedes|pino|@photostructure/sqlite|uuid|^node:|^(fs|net|http|https|child_process|worker_threads|crypto)(/|$)';

/** Files that decide. They take time, ids and scores as arguments. */
const PURE =
  'cycle/(machine|transition|policy|state|event|totals)|update/(machine|start|command|transition|choice|state|stored-state|bundle-id|entries)|perception/inference/calibration|hardware/fill/smoothing|hardware/trigger/presence|status/machine-faults|hardware/camera/rpicam/(jpeg-splitter|image-reader|metadata|arguments|faults)';

module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    { name: 'no-orphans', severity: 'error', from: { orphan: true, pathNot: '\\.d\\.ts$' }, to: {} },
    {
      name: 'known-layer',
      comment: 'Each file of device/ lies in one of the layers.',
      severity: 'error',
      from: { path: '^device/', pathNot: `^device/(${LAYERS.join('|')})/` },
      to: {},
    },
    ...layers,
    ...publicInterfaces,
    ...drivers,
    {
      name: 'pure-without-packages',
      comment: 'Files that decide take time, ids and scores as arguments.',
      severity: 'error',
      from: {
        path: `^device/(${PURE}|network/mqtt/topic|network/homeassistant/(?!homeassistant)[a-z-]+)\\.ts$`,
      },
      to: { path: IMPURE, dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'pure-imports-pure',
      comment: 'Files that decide import values only from each other and from kit/errors.ts.',
      severity: 'error',
      from: { path: `^device/(${PURE})\\.ts$` },
      to: {
        path: '^device/',
        pathNot: `^device/(kit/errors|${PURE})\\.ts$`,
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'inference-stands-alone',
      comment: 'perception/inference/ imports only kit/. It could be published alone.',
      severity: 'error',
      from: { path: '^device/perception/inference/' },
      to: { path: '^device/', pathNot: '^device/(perception/inference|kit)/' },
    },
    {
      name: 'lines-stand-alone',
      comment: 'hardware/lines/ imports only kit/.',
      severity: 'error',
      from: { path: '^device/hardware/lines/' },
      to: { path: '^device/', pathNot: '^device/(hardware/lines|kit)/' },
    },
    {
      name: 'topics-stand-alone',
      comment: 'network/mqtt/topic.ts imports only kit/.',
      severity: 'error',
      from: { path: '^device/network/mqtt/topic\\.ts$' },
      to: { path: '^device/', pathNot: '^device/kit/' },
    },
    {
      name: 'drivers-do-not-know-the-cycle',
      comment:
        'Drivers and the network import the types of an event at most, never the machine or the runner.',
      severity: 'error',
      from: { path: '^device/(hardware|perception|journal|network/mqtt)/' },
      to: { path: '^device/(cycle|status|tools)/' },
    },
    {
      name: 'config-for-types-only',
      comment: 'Each module receives its own part of the configuration as an argument.',
      severity: 'error',
      from: { path: '^device/', pathNot: '^device/(config|tools/cli)/' },
      to: { path: '^device/config/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'release-tool-on-demand',
      comment:
        'A bin never loads the release tool. Commands import all but its public interface when they run.',
      severity: 'error',
      from: { path: '^device/', pathNot: '^device/tools/release/' },
      to: {
        path: '^device/tools/release/',
        pathNot: '^device/tools/release/release\\.ts$',
        dynamic: false,
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'native-code-in-the-vision-process',
      comment: 'An image or a library that crashes ends the vision process, never the daemon.',
      severity: 'error',
      from: { path: '^device/', pathNot: '^device/perception/' },
      to: { path: 'node_modules/(sharp|koffi|@tensorflow)', reachable: true },
    },
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
