import type { FaultTexts } from './fault-text.js';

/** Faults of the connection to the broker, and of the messages. While they last, the journal keeps the events. */
export const BROKER_FAULTS = {
  'broker-url-invalid': {
    meaning: '`mqtt.url` is not the URL of a broker.',
    cure: 'Correct `mqtt.url`, for example `mqtts://broker.local:8883`.',
  },
  'ca-file-unreadable': {
    meaning: 'The file of `mqtt.ca` cannot be read.',
    cure: 'Check the path and its permissions.',
  },
  'ca-file-invalid': {
    meaning: 'The file of `mqtt.ca` contains no PEM certificate, or a damaged one.',
    cure: 'Copy the certificate of the authority again.',
  },
  'password-file-unusable': {
    meaning: 'The file of `mqtt.passwordFile` cannot be read, is empty or is too large.',
    cure: 'Check the path, its permissions and its content.',
  },
  'client-certificate-unusable': {
    meaning: 'The file of `mqtt.cert` or `mqtt.key` is unusable, or they do not match.',
    cure: 'Check both files.',
  },
  'broker-unreachable': {
    meaning: 'The connection or the TLS handshake failed.',
    cure: 'Start the broker, or correct `mqtt.url`. The bin tries again.',
    page: 'troubleshooting.md#the-broker-cannot-be-reached',
  },
  'connect-timeout': {
    meaning: 'The broker accepted the connection, but sent no CONNACK in time.',
    cure: 'Check that `mqtt.url` names an MQTT broker, and that the broker is not overloaded.',
  },
  'closed-before-connack': {
    meaning: 'The broker closed the connection before its CONNACK.',
    cure: 'Check whether the broker expects TLS or WebSocket on this port.',
  },
  'version-refused': {
    meaning: 'The broker does not support this version of MQTT.',
    cure: 'Use a broker with MQTT 5 or 3.1.1. The bin tries both.',
  },
  'connect-refused': {
    meaning: 'The broker refused the credentials or the client id, or it is overloaded.',
    cure: 'Check `mqtt.username` and the password.',
  },
  'connection-lost': {
    meaning: 'The connection ended. The bin connects again.',
    cure: 'If it occurs often, check the network and the log of the broker.',
    page: 'troubleshooting.md#the-connection-to-the-broker-ends-again-and-again',
  },
  'no-puback': {
    meaning: 'The broker sent no PUBACK within `mqtt.pubackMs`, or a message could not be sent.',
    cure: 'Check the network and the load of the broker.',
  },
  'publish-refused': {
    meaning: 'The broker refused a message: PUBACK with a reason of 0x80 or more.',
    cure: 'Check the log and the limits of the broker.',
  },
  'message-too-large': {
    meaning: 'The broker does not accept a message of this size.',
    cure: 'Raise the limit of the broker, `max_packet_size` for Mosquitto.',
    page: 'brokers.md#limits-of-a-broker',
  },
  'not-authorised': {
    meaning: 'The broker does not allow a message.',
    cure: 'Check the access rules of the broker.',
    page: 'brokers.md',
  },
  'session-taken-over': {
    meaning: 'Another client uses the same client id.',
    cure: 'Give each bin its own `bin.id`, and run each bin once.',
    page: 'troubleshooting.md#the-connection-to-the-broker-ends-again-and-again',
  },
  'no-suback': {
    meaning: 'The broker did not answer a subscription within `mqtt.pubackMs`.',
    cure: 'Check the network and the load of the broker.',
  },
  'subscribe-refused': {
    meaning: 'The broker refused a subscription.',
    cure: 'Check the access rules of the broker.',
  },
  'connection-ended': {
    meaning: 'The bin ended the connection.',
    cure: 'Nothing.',
  },
  'broker-listen-failed': {
    meaning: 'The embedded broker cannot listen.',
    cure: 'Change `mqtt.embedded`.',
    page: 'embedded-broker.md',
  },
  'mqtt-not-authorised': {
    meaning: 'The access rules of the broker do not allow the events. They wait in the journal.',
    cure: 'Allow the bin to publish below its topics.',
    page: 'brokers.md',
  },
  'event-refused': {
    meaning: 'The broker refuses an event for now. The bin sends it again.',
    cure: 'Check the log and the quotas of the broker.',
  },
  'event-undeliverable': {
    meaning: 'The broker refused events for good. They are kept apart.',
    cure: 'Run `sortbin outbox list`. Then retry or drop them.',
  },
  'mqtt-limits': {
    meaning: 'The broker does not support something that the bin uses, or closes after a message.',
    cure: 'Follow the message.',
    page: 'brokers.md#limits-of-a-broker',
  },
} as const satisfies FaultTexts;
