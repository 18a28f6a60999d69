import { z } from 'zod';
import { text } from './fields.js';

export const http = z
  .strictObject({
    host: text(255)
      .default('127.0.0.1')
      .describe('Address that the HTTP server listens on. 127.0.0.1: this computer only'),
    port: z
      .int()
      .min(0)
      .max(65_535)
      .nullable()
      .default(null)
      .describe('TCP port of the HTTP server. 0: any free port. null: no HTTP server'),
    names: z
      .array(text(255))
      .max(16)
      .default([])
      .describe('Names by which clients reach the bin, beside its hostname, localhost and IP addresses'),
  })
  .prefault({})
  .describe('HTTP server with /healthz and /metrics. It has no login');
