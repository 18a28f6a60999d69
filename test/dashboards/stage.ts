/** What the proofs share: a running bin, and where to keep pictures (null: none). */
export interface Stage {
  readonly folder: string;
  /** Address of the HTTP server of the bin. */
  readonly httpUrl: string;
  readonly brokerPort: number;
  readonly pictures: string | null;
  /** Makes the bin stop. */
  readonly stopBin: () => Promise<void>;
}
