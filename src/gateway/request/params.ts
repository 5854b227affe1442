import { isObject } from '../../json-text';

/*
 * What the parameters of MCP messages are, as far as the gate reads them or a library of its own does. Everything
 * else is between client and server. `null` counts as absent.
 */

type Shape = 'text' | 'texts' | 'object' | 'id' | 'flag' | 'number';

const FITS: Record<Shape, (value: unknown) => boolean> = {
  text: (value) => typeof value === 'string' && value.isWellFormed(),
  texts: (value) => Array.isArray(value) && value.every((one) => typeof one === 'string'),
  object: isObject,
  id: (value) => typeof value === 'string' || Number.isSafeInteger(value),
  flag: (value) => typeof value === 'boolean',
  number: (value) => typeof value === 'number',
};

const SAYS: Record<Shape, string> = {
  text: 'a text',
  texts: 'an array of texts',
  object: 'an object',
  id: 'a text or a whole number',
  flag: 'true or false',
  number: 'a number',
};

/** Of whatever method. */
const COMMON: Record<string, Shape> = {
  _meta: 'object',
  '_meta.progressToken': 'id',
  cursor: 'text',
  inputResponses: 'object',
  requestState: 'text',
  task: 'object',
};

const RESOURCE = { uri: 'text' } as const;
const TASK = { taskId: 'text' } as const;

const SHAPES: Record<string, Record<string, Shape>> = {
  initialize: {
    capabilities: 'object',
    clientInfo: 'object',
    'clientInfo.name': 'text',
    'clientInfo.title': 'text',
    'clientInfo.version': 'text',
  },
  'tools/call': { name: 'text', arguments: 'object' },
  'prompts/get': { name: 'text', arguments: 'object' },
  'resources/read': RESOURCE,
  'resources/subscribe': RESOURCE,
  'resources/unsubscribe': RESOURCE,
  'completion/complete': {
    ref: 'object',
    'ref.type': 'text',
    'ref.name': 'text',
    'ref.uri': 'text',
    argument: 'object',
    'argument.name': 'text',
    'argument.value': 'text',
    context: 'object',
  },
  'logging/setLevel': { level: 'text' },
  'subscriptions/listen': {
    notifications: 'object',
    'notifications.toolsListChanged': 'flag',
    'notifications.promptsListChanged': 'flag',
    'notifications.resourcesListChanged': 'flag',
    'notifications.resourceSubscriptions': 'texts',
    'notifications.taskIds': 'texts',
  },
  'tasks/get': TASK,
  'tasks/result': TASK,
  'tasks/cancel': TASK,
  'tasks/update': TASK,
  'notifications/cancelled': { requestId: 'id' },
  'notifications/progress': { progressToken: 'id', progress: 'number' },
};

/** What policy decides by: without it there is nothing to decide. */
const REQUIRED: Record<string, string> = { 'tools/call': 'name' };

/** What is wrong with the parameters of a message, in a sentence; undefined when nothing is. */
export function faultOfParams(method: string, params: Record<string, unknown>): string | undefined {
  const shapes = { ...COMMON, ...(Object.hasOwn(SHAPES, method) ? SHAPES[method] : {}) };
  for (const [path, shape] of Object.entries(shapes)) {
    const value = valueAt(params, path);
    if (value !== undefined && !FITS[shape](value)) return `params.${path} must be ${SAYS[shape]}`;
  }
  const required = Object.hasOwn(REQUIRED, method) ? REQUIRED[method] : undefined;
  if (required !== undefined && valueAt(params, required) === undefined) {
    return `params.${required} is missing`;
  }
  return undefined;
}

/** RFC 5424 section 6.2.1, as MCP names them ("Log Levels"). */
const LOG_LEVELS = ['debug', 'info', 'notice', 'warning', 'error', 'critical', 'alert', 'emergency'];

/** The same of parameters that the gate acts on itself, at `/mcp`: what a value may be, beyond its type. */
export function faultForGate(method: string, params: Record<string, unknown>): string | undefined {
  if (method !== 'logging/setLevel') return undefined;
  const { level } = params;
  return LOG_LEVELS.some((one) => one === level)
    ? undefined
    : `params.level must be one of ${LOG_LEVELS.join(', ')}`;
}

/** The member at a path of names with dots between; undefined when there is none, or it is null. */
function valueAt(params: Record<string, unknown>, path: string): unknown {
  let value: unknown = params;
  for (const name of path.split('.')) {
    value = isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
  }
  return value ?? undefined;
}
