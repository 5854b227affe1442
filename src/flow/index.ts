/** The face of `flow/`: what is under way in a browser. */
export { takeAttempt } from './attempts';
export { claimOnce } from './claim-once';
export { answerDevice, findDevice, openDevice, pollDevice, readDevice } from './device';
export { type Flow, type FlowData, findFlow, openFlow, startFlow } from './flow';
export { type FlowRefusal, PendingFlowObject } from './object';
export { enterPool, keepInPool, leavePool } from './pools';
export { GUESS_WINDOW, makeUserCode, readUserCode, showUserCode } from './user-codes';
