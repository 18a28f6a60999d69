import { DIAGNOSTIC, type Entities, type EntitySources, PERCENT, sensor, type TopicOf } from './entities.js';
import { MODEL, STATS, thresholdOf, UPDATE } from './templates.js';

/** The thresholds, the machine, the model and the picture of the last item. */
export const deviceEntities = (sources: EntitySources, topicOf: TopicOf): Entities => ({
  ...thresholds(topicOf('info')),
  ...machine(topicOf('stats')),
  ...model(sources, topicOf),
  ...(sources.capabilities.image ? { image: image(topicOf) } : {}),
});

const thresholds = (info: string): Entities => {
  const threshold = (key: string, name: string) =>
    sensor(name, info, thresholdOf(key), {
      ...DIAGNOSTIC,
      unit_of_measurement: '%',
      icon: 'mdi:tune-variant',
    });
  return {
    threshold_confidence: threshold('confidence', 'Threshold confidence'),
    threshold_margin: threshold('margin', 'Threshold margin'),
    threshold_hazard: threshold('hazardConfidence', 'Threshold hazard'),
  };
};

const machine = (stats: string): Entities => ({
  temperature: sensor('Processor temperature', stats, STATS.temperature, {
    ...DIAGNOSTIC,
    device_class: 'temperature',
    state_class: 'measurement',
    unit_of_measurement: '°C',
  }),
  disk_free: sensor('Disk free', stats, STATS.diskFree, {
    ...DIAGNOSTIC,
    ...PERCENT,
    icon: 'mdi:harddisk',
  }),
  events_waiting: sensor('Events waiting', stats, STATS.waiting, {
    ...DIAGNOSTIC,
    state_class: 'measurement',
    icon: 'mdi:tray-full',
  }),
});

/** An update entity if models come from a repository; a plain sensor if not. */
const model = ({ capabilities, commands }: EntitySources, topicOf: TopicOf): Entities => {
  if (!capabilities.updates)
    return { model: sensor('Model', topicOf('info'), MODEL, { ...DIAGNOSTIC, icon: 'mdi:brain' }) };
  const install = {
    command_topic: topicOf('request/model.install'),
    // Home Assistant needs it beside command_topic.
    payload_install: '{}',
  };
  return {
    model_update: {
      ...DIAGNOSTIC,
      platform: 'update',
      name: 'Model',
      state_topic: topicOf('update'),
      value_template: UPDATE,
      ...(commands.includes('model.install') ? install : {}),
    },
  };
};

const image = (topicOf: TopicOf) => ({
  platform: 'image' as const,
  name: 'Last picture',
  image_topic: topicOf('image'),
  content_type: 'image/jpeg',
});
