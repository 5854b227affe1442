import { holds, type Scope } from '../../account';
import type { ServerSetting } from '../../config';
import { folded } from '../../json-text';
import { judgeScope, type Reach, type Verdict } from '../../upstream';

/*
 * What each method that a client can send needs: a table (docs/methods.md explains it), plain data in, a verdict out.
 * A method that isn't in it could do anything at a server.
 */

/** What a method needs, besides a valid credential. */
export interface MethodNeed {
  /** Undefined: nothing more, or what the tool needs that it is about. */
  scope?: Scope;
  /** Whether an access key that is held to some tools may send it; undefined: no. */
  limitedKeys?: true;
  /** Whether the server's rules about some tools (`require`) must hold too: it may be about any of them. */
  allRules?: true;
}

/** About the connection, or about tools that are judged one by one. */
const OPEN: MethodNeed = { limitedKeys: true };
const READ: MethodNeed = { scope: 'mcp:read' };
/** A task is of a tool that the gate can't tell: what may not be called must not be followed either. */
const READ_TASK: MethodNeed = { scope: 'mcp:read', allRules: true };
const CHANGE_TASK: MethodNeed = { scope: 'mcp:write', allRules: true };

const UNKNOWN: MethodNeed = { scope: 'mcp:destructive', allRules: true };

/** By method, as it is spelt: MCP 2025-11-25 and 2026-07-28, and the extensions tasks and skills. */
export const METHODS: Readonly<Record<string, MethodNeed>> = {
  initialize: OPEN,
  'server/discover': OPEN,
  ping: OPEN,
  'logging/setLevel': OPEN,
  'subscriptions/listen': OPEN,

  'tools/list': OPEN,
  'tools/call': OPEN,

  'resources/list': READ,
  'resources/templates/list': READ,
  'resources/read': READ,
  'resources/subscribe': READ,
  'resources/unsubscribe': READ,
  'resources/directory/read': READ,
  'prompts/list': READ,
  'prompts/get': READ,
  'completion/complete': READ,
  'skills/list': READ,
  'skills/get': READ,

  'tasks/list': READ_TASK,
  'tasks/get': READ_TASK,
  'tasks/result': READ_TASK,
  'tasks/update': CHANGE_TASK,
  'tasks/cancel': CHANGE_TASK,

  'notifications/initialized': OPEN,
  'notifications/cancelled': OPEN,
  'notifications/progress': OPEN,
  'notifications/roots/list_changed': OPEN,
  'notifications/tasks/status': OPEN,
};

/** Of a server's own question, which came to this client. */
const RESPONSE: MethodNeed = OPEN;

/** As much of a message as its method is judged by. `method`: undefined of a response. */
interface Judged {
  method: string | undefined;
  params: Record<string, unknown>;
}

/** Whether a method is in the table. */
export function isKnownMethod(method: string): boolean {
  return Object.hasOwn(METHODS, method);
}

/**
 * Whether a message may go on, by its method: `tools/call` and `tools/list` are also judged tool by tool. `rules`:
 * the `require` of the server that it would reach.
 */
export function judgeMethod(message: Judged, rules: ServerSetting['require'], reach: Reach): Verdict {
  const need = needOf(message);
  if (reach.tools !== undefined && !need.limitedKeys) return { verdict: 'absent' };
  if (need.allRules && !rules.every((rule) => holds(rule, reach.identity))) return { verdict: 'absent' };
  const judged = need.scope === undefined ? ({ verdict: 'allowed' } as const) : judgeScope(need.scope, reach);
  // What may be anything is not what the table has in another spelling: a server may be less exact than that.
  const misspelt = need === UNKNOWN && isNearlyKnown(message.method ?? '');
  return judged.verdict === 'allowed' && misspelt ? { verdict: 'absent' } : judged;
}

/** Whether a method may do something that should not be done twice. Of a tool its own hints say so. */
export function changesSomething(method: string): boolean {
  const { scope } = METHODS[isKnownMethod(method) ? method : ''] ?? UNKNOWN;
  return scope === 'mcp:write' || scope === 'mcp:destructive';
}

function needOf({ method, params }: Judged): MethodNeed {
  if (method === undefined) return RESPONSE;
  if (!isKnownMethod(method)) return UNKNOWN;
  if (method === 'subscriptions/listen') return needOfListening(params);
  return METHODS[method] ?? UNKNOWN;
}

const LIST_CHANGES = ['toolsListChanged', 'promptsListChanged', 'resourcesListChanged'];

/** What is listened to may be more than that lists change: resources, tasks, or what a later revision adds. */
function needOfListening({ notifications }: Record<string, unknown>): MethodNeed {
  const more = Object.keys(notifications ?? {}).filter((name) => !LIST_CHANGES.includes(name));
  if (more.length === 0) return OPEN;
  return more.every((name) => name === 'resourceSubscriptions') ? READ : READ_TASK;
}

const LETTERS = new Set(Object.keys(METHODS).map(lettersOf));
/** No method of anybody's is longer. */
const LONGEST = 200;

function isNearlyKnown(method: string): boolean {
  return method.length > LONGEST || LETTERS.has(lettersOf(method));
}

function lettersOf(method: string): string {
  return folded(method.normalize('NFKC')).replace(/[^a-z]/g, '');
}
