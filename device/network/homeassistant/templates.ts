import { OUTCOMES } from '../../cycle/state.js';

// Templates of Home Assistant, in Jinja. The names of compartments contain only a-z, 0-9, "_" and "-".

/** The templates of the topic `state`. */
export const STATE = {
  mode: '{{ value_json.mode }}',
  lastLabel: '{{ value_json.lastItem.label if value_json.lastItem else none }}',
  lastCompartment: '{{ value_json.lastItem.compartment if value_json.lastItem else none }}',
  lastConfidence:
    '{{ (100 * value_json.lastItem.confidence) | round(1)' +
    ' if value_json.lastItem and value_json.lastItem.confidence is number else none }}',
  hasFaults: "{{ 'ON' if value_json.faults else 'OFF' }}",
  faults: '{{ value_json.faults | tojson }}',
  /** The state of a sensor has at most 255 characters. */
  faultText:
    '{% set all = namespace(texts=[]) %}' +
    '{% for fault in value_json.faults.values() %}{% for part in fault.parts.values() %}' +
    '{% set all.texts = all.texts + [part.message] %}{% endfor %}{% endfor %}' +
    "{{ (all.texts | join(' ') | truncate(255, true, '…', 0)) or 'No fault' }}",
  itemsOf: (outcome: string) => `{{ value_json.counters.outcomes.get('${outcome}', 0) }}`,
  itemsIn: (compartment: string) => `{{ value_json.counters.compartments.get('${compartment}', 0) }}`,
  fillOf: (compartment: string) => `{{ value_json.fill.get('${compartment}', {}).get('percent') }}`,
  isFull: (compartment: string) =>
    `{{ 'ON' if value_json.fill.get('${compartment}', {}).get('full') else 'OFF' }}`,
} as const;

/** The event of an item. An empty text is no event. The other events are reports of a person. */
export const ITEM_EVENT =
  `{% if value_json.outcome in ${JSON.stringify(OUTCOMES)} %}` +
  '{% set d = value_json.decision or {} %}' +
  "{{ {'event_type': value_json.outcome, 'label': d.get('label'), 'compartment': d.get('compartment')," +
  " 'confidence': d.get('confidence'), 'reason': d.get('reason')," +
  " 'fault': value_json.fault.code if value_json.fault else none," +
  " 'at': value_json.at, 'id': value_json.id, 'seq': value_json.seq} | tojson }}{% endif %}";

/** A threshold of the topic `info` in percent. */
export const thresholdOf = (name: string): string => `{{ (100 * value_json.thresholds.${name}) | round(1) }}`;

export const MODEL = '{{ value_json.model.name }} {{ value_json.model.version }}';

/** Values of the topic `stats`. */
export const STATS = {
  temperature: '{{ value_json.machine.temperatureC }}',
  diskFree:
    '{{ (100 * value_json.machine.disk.freeBytes / value_json.machine.disk.totalBytes) | round(1)' +
    ' if value_json.machine.disk else none }}',
  waiting: '{{ value_json.outbox.waiting if value_json.outbox else none }}',
} as const;

/**
 * The state of the model's update. Home Assistant refuses a message with keys that it does not know. Versions of bundles
 * with different names have no order: then the name is part of the version.
 */
export const UPDATE =
  '{% set now = value_json.installed %}' +
  '{% set next = value_json.candidate or value_json.available or now %}' +
  "{% set name = '' if next.name == now.name else next.name ~ ' ' %}" +
  "{% set busy = value_json.phase in ['downloading', 'checking', 'activating'] %}" +
  '{% set p = value_json.progress %}' +
  "{{ {'title': next.name, 'installed_version': now.version, 'latest_version': name ~ next.version," +
  " 'in_progress': busy," +
  " 'update_percentage': (100 * p.bytes / p.totalBytes) | int if busy and p and p.totalBytes else none}" +
  ' | tojson }}';
