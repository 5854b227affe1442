/** The face of `flow/`: what is under way in a browser. */
export { takeAttempt } from './attempts';
export {
  answerDevice,
  type DeviceAnswer,
  findDevice,
  type OpenedDevice,
  openDevice,
  pollDevice,
  readDevice,
} from './device';
export { type FlowRefusal, PendingFlowObject } from './object';
export { enterPool, keepInPool, leavePool, POOLS, type PoolName } from './pools';
export { GUESS_WINDOW, type Guesser, makeUserCode, readUserCode, showUserCode } from './user-codes';
