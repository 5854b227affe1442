import { z } from 'zod';
import { patternFault } from '../pattern';
import { connectionRules, connectionSettings } from './connections';
import { httpUrl, roleRule, secondsSetting, settingName } from './primitives';

export const SERVER_AUTH = ['none', 'static', 'identity', 'oauth', 'api_key', 'passthrough'] as const;

const toolRule = z.strictObject({
  match: z.string().min(1),
  access: z.enum(['read', 'write', 'destructive', 'hidden'], {
    error: 'must be read, write, destructive, or hidden',
  }),
});
/** One rule of a server's `tools`: the first whose glob matches decides, and overrides the tool's own hints. */
export type ToolRule = z.infer<typeof toolRule>;

export const claimRule = z
  .strictObject({
    claim: z.string().min(1),
    eq: z.string().optional(),
    ne: z.string().optional(),
    contains: z.string().optional(),
    regex: z.string().superRefine(checkPattern).optional(),
    exists: z.boolean().optional(),
    tools: z.string().optional(),
  })
  .refine(
    (rule) => [rule.eq, rule.ne, rule.contains, rule.regex, rule.exists].some((test) => test !== undefined),
    {
      error: 'must have eq, ne, contains, regex, or exists',
    },
  );
/** One rule of a server's `require`: all must hold. `tools`: a glob of the tools that it applies to. */
export type ClaimRule = z.infer<typeof claimRule>;

export const serverSetting = z
  .strictObject({
    name: settingName,
    title: z.string().min(1).max(60).optional(),
    description: z.string().max(300).optional(),
    url: httpUrl.optional(),
    binding: z.string().min(1).optional(),
    entrypoint: z.string().min(1).optional(),
    auth: z.enum(SERVER_AUTH, { error: `must be one of ${SERVER_AUTH.join(', ')}` }),
    authorization_servers: z.array(httpUrl).min(1).optional(),
    ...connectionSettings,
    header: z
      .string()
      .regex(/^[A-Za-z0-9-]+$/, { error: 'must be the name of a header' })
      .default('Authorization'),
    tools: z.array(toolRule).default([]),
    roles: z.array(roleRule).default([]),
    groups: z.array(z.string()).optional(),
    require: z.array(claimRule).default([]),
    timeout: secondsSetting.default(30),
    max_request_bytes: z.int().min(1024).default(4_194_304),
    max_list_bytes: z.int().min(1024).default(4_194_304),
    identity: z.boolean().default(false),
    open_to_everyone: z.boolean().default(false),
  })
  .refine((server) => [server.url, server.binding, server.entrypoint].filter(Boolean).length === 1, {
    error: 'must have exactly one of url, binding, and entrypoint',
  })
  .refine((server) => !server.identity || server.auth === 'none' || server.auth === 'static', {
    error: 'identity = true is only for auth none or static; with auth identity, the identity is always sent',
  })
  .refine((server) => !server.authorization_servers || ['passthrough', 'oauth'].includes(server.auth), {
    error: 'authorization_servers is only for auth passthrough or oauth',
  })
  .superRefine((server, context) => {
    for (const { path, error } of connectionRules(server))
      context.addIssue({ code: 'custom', path: [path], message: error });
  });

/**
 * A server of `SERVERS`. `timeout`: seconds until the first byte of its answer. `max_request_bytes`: the longest
 * message that it gets. `max_list_bytes`: the longest tool list that is read from it.
 */
export type ServerSetting = z.infer<typeof serverSetting>;

function checkPattern(pattern: string, context: z.RefinementCtx): void {
  const fault = patternFault(pattern);
  if (fault !== undefined) context.addIssue(`must be a regular expression: ${fault}`);
}
