export { AnswerScan } from './answer-scan';
export { type AnswerFilter, filterAnswer, passScanned, readHead } from './answers';
export { type CallFailure, callServer, callServerAs, serverSecret, type UpstreamFailure } from './call';
export { catalogueKey, catalogueOf, findTool, forgetLists, listTools, type Tools } from './catalogue';
export { connectUpstream } from './connect';
export {
  type ConnectedServer,
  clientSettingOf,
  loopbackOrigins,
  needsConnection,
  placeOf,
  providerSettingsOf,
  wantedAt,
} from './connected-server';
export { ServerRefusal, type UpstreamConnection } from './connection';
export type { Acting, AnswerQuestion, Forwarded } from './connection-options';
export { type CredentialError, credentialsOf, RequestCredentials, type UpstreamContext } from './credentials';
export { asksForInput, resultFor } from './envelope';
export { readErrorAnswer } from './error-answer';
export { rewriteEvents } from './events';
export {
  answerOrThrow,
  CredentialMissing,
  post,
  type ServerAnswer,
  ServerFailure,
  SessionLost,
} from './exchange';
export { type Handshake, MODERN_VERSION, modernMeta } from './handshake';
export { publicKeys } from './identity-token';
export { LISTS, type ListedItem, type ListKind, rewriteItem } from './items';
export { itemsOf, lockInTime, noteLeftOut, toolsOf } from './lists';
export { lockOf } from './lock';
export { messagesOf, type ServerMessage } from './messages';
export {
  accessOf,
  judgeScope,
  judgeTool,
  publishedText,
  type Reach,
  type Tool,
  type Verdict,
} from './policy';
export { ANONYMOUS, aboutPrincipal, asKnownNow, isAnonymous, type Principal } from './principal';
export {
  documentFetch,
  ProviderFetchError,
  providerFetch,
  registrationFetch,
  tokenFetch,
} from './provider-fetch';
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
export { readTokenAnswer } from './token-answer';
export { type ServerTools, surveyTools } from './tool-survey';
export { tryCredential } from './try-credential';
export { isAtMerged, passingView, serversOf, type View } from './view';
