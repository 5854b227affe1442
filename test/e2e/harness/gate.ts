export { type Gate, type GateOptions, startGate } from '../../../scripts/lib/gate';
