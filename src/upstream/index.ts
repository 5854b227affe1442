export { AnswerScan } from './answer-scan';
export { type AnswerFilter, filterAnswer, passScanned, readHead } from './answers';
export {
  type CallFailure,
  callServer,
  callServerAs,
  serverSecret,
  type UpstreamFailure,
} from './call';
export {
  catalogueKey,
  catalogueOf,
  findTool,
  forgetLists,
  type ListKind,
  listTools,
  type Tools,
} from './catalogue';
export {
  type ConnectedServer,
  clientSettingOf,
  loopbackOrigins,
  needsConnection,
  placeOf,
  wantedAt,
} from './connected-server';
export {
  type Acting,
  answerOrThrow,
  CredentialMissing,
  connectUpstream,
  type Handshake,
  isSessionLost,
  ServerFailure,
  type UpstreamConnection,
} from './connection';
export {
  type CredentialError,
  credentialsOf,
  RequestCredentials,
  type UpstreamContext,
} from './credentials';
export { readErrorAnswer } from './error-answer';
export { rewriteEvents } from './events';
export { publicKeys } from './identity-token';
export { type Item, itemsOf, lockInTime, toolsOf } from './lists';
export { lockOf } from './lock';
export { judgeScope, judgeTool, publishTool, type Reach, type Tool, type Verdict } from './policy';
export { ANONYMOUS, aboutPrincipal, asKnownNow, isAnonymous, type Principal } from './principal';
export { documentFetch, ProviderFetchError, providerFetch, tokenFetch } from './provider-fetch';
export { type Attempt, maySendAgain } from './send-again';
export {
  FAULTS,
  type FaultDetails,
  faultError,
  faultOfStatus,
  faultText,
  MAY_HAVE_ACTED,
  type ServerFault,
} from './server-fault';
export { serverProblems } from './server-health';
export { SOFTWARE } from './software';
export { type ServerTools, surveyTools } from './tool-survey';
export { tryCredential } from './try-credential';
export { isAtMerged, passingView, serversOf, UNASKED, type View } from './view';
