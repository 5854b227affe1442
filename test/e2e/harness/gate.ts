import { inject } from 'vitest';
import { type Gate, type GateOptions, startGate as start } from '../../../scripts/lib/gate';

export type { Gate, GateOptions };

/** Starts a gate with the Worker that was bundled before all files, unless it is to be one of other settings files. */
export function startGate(options: GateOptions = {}): Promise<Gate> {
  return start(options.args ? options : { ...options, bundle: inject('bundle') });
}
