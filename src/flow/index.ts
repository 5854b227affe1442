/** Flows: sign-ins, authorization requests, and device authorizations that are in progress in a browser. */
export { takeAttempt } from './attempts';
export { claimOnce } from './claim-once';
export { answerDevice, findDevice, openDevice, pollDevice, readDevice } from './device';
export { type Flow, type FlowData, findFlow, startFlow } from './flow';
export { type FlowRefusal, PendingFlowObject } from './object';
export { enterPool, keepInPool, leavePool } from './pools';
export { GUESS_WINDOW, makeUserCode, readUserCode, showUserCode } from './user-codes';
