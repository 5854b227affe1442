// @ts-check
import { homedir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { EXIT } from './exit.js';
import { readProxy } from './proxy.js';

/** @import { Command } from './types.ts' */

/** Headers that MCP or HTTP defines, which the bridge sets itself. */
const OWN_HEADERS = new Set([
  ...['accept', 'connection', 'content-length', 'content-type', 'host', 'last-event-id'],
  ...['mcp-method', 'mcp-name', 'mcp-protocol-version', 'mcp-session-id', 'transfer-encoding'],
]);
const CREDENTIAL_HEADERS = ['authorization', 'x-api-key'];

const DEFAULT_PATIENCE = 15;
const LONGEST_PATIENCE = 3600;

const MISSING = `there is no credential. Use one of these:
  - the environment variable GATEHOUSE_KEY with an access key (create one on your account page)
  - --login, to sign in with a code in a browser
  - --header 'Name: value', sent unchanged`;

/**
 * Reads the command line (without program and script) and the environment.
 * @param {readonly string[]} args
 * @param {Record<string, string | undefined>} env
 * @returns {Command}
 */
export function parseOptions(args, env) {
  const parsed = parse(args);
  if (typeof parsed === 'string') return wrong(parsed);
  const { values, positionals } = parsed;
  if (values.help) return { kind: 'help' };
  if (values.version) return { kind: 'version' };
  if (positionals.length !== 1)
    return wrong(
      positionals.length === 0
        ? 'the server’s URL is missing'
        : 'there is more than one URL; options start with --',
    );
  const url = parseUrl(positionals[0] ?? '');
  if (typeof url === 'string') return wrong(url);
  const proxy = isLoopback(url) ? undefined : readProxy(env);
  if (proxy && 'wrong' in proxy)
    return wrong(`${proxy.wrong} isn’t a proxy URL such as http://proxy.example.com:8080`);
  const config = configFolder(env);
  if (values.logout) return { kind: 'logout', url, config };

  const headers = parseHeaders(values.header ?? []);
  if (typeof headers === 'string') return wrong(headers);
  const patience = Number(values.patience ?? DEFAULT_PATIENCE);
  if (!(patience >= 0 && patience <= LONGEST_PATIENCE))
    return wrong(`--patience must be a number of seconds, at most ${LONGEST_PATIENCE}`);
  if (values.scope !== undefined && !values.login) return wrong('--scope requires --login');

  const key = env.GATEHOUSE_KEY?.trim() ?? '';
  const named = Object.keys(headers).find((name) => CREDENTIAL_HEADERS.includes(name.toLowerCase()));
  const given = [
    key === '' ? undefined : 'the environment variable GATEHOUSE_KEY',
    values.login ? '--login' : undefined,
    named === undefined ? undefined : `--header '${named}: …'`,
  ].filter((name) => name !== undefined);
  if (given.length > 1)
    return wrong(`there is more than one credential: ${given.join(' and ')}. Use only one`);
  if (given.length === 0 && Object.keys(headers).length === 0)
    return { kind: 'wrong', code: EXIT.noCredential, says: MISSING };
  // Checked here because the error of fetch would quote a key with a character that headers can't have.
  if (key !== '' && !/^[!-~]+$/.test(key)) return wrong('GATEHOUSE_KEY has a character that keys don’t have');
  return {
    kind: 'run',
    url,
    headers: key === '' ? headers : { ...headers, Authorization: `Bearer ${key}` },
    login: values.login ? { scope: values.scope, config } : undefined,
    credential: key === '' ? 'the credential of --header' : 'the key in GATEHOUSE_KEY',
    patience: patience * 1000,
  };
}

/** @param {readonly string[]} args */
function parse(args) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        header: { type: 'string', multiple: true },
        login: { type: 'boolean' },
        logout: { type: 'boolean' },
        scope: { type: 'string' },
        patience: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
        version: { type: 'boolean' },
      },
    });
  } catch (error) {
    // Only the first sentence: the rest is advice for programmers.
    return error instanceof Error ? (error.message.split('. ')[0] ?? '') : `${error}`;
  }
}

/**
 * @param {string} text
 * @returns {URL | string} a string says what is wrong
 */
function parseUrl(text) {
  if (!URL.canParse(text)) return 'the URL isn’t valid; it looks like https://mcp.example.com/mcp';
  const url = new URL(text);
  if (url.username !== '' || url.password !== '')
    return 'the URL must not contain a name or password; put the credential in GATEHOUSE_KEY';
  url.hash = '';
  if (url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url))) return url;
  return 'the URL must start with https:// (http:// is for this computer only), because a key would be sent unencrypted';
}

/** @param {{ hostname: string }} url */
export function isLoopback({ hostname }) {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d+){3}$/.test(hostname);
}

/**
 * @param {readonly string[]} lines
 * @returns {Record<string, string> | string} a string says what is wrong
 */
function parseHeaders(lines) {
  /** @type {Record<string, string>} */
  const headers = {};
  for (const line of lines) {
    const [, name, value] = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([\t -~]*)$/.exec(line) ?? [];
    // The text may be a secret, so it isn't repeated.
    if (name === undefined || value === undefined) return "--header must look like 'Name: value'";
    if (OWN_HEADERS.has(name.toLowerCase()))
      return `--header ${name} isn’t allowed, because the protocol sets it`;
    if (Object.keys(headers).some((other) => other.toLowerCase() === name.toLowerCase()))
      return `--header ${name} is given twice`;
    headers[name] = value;
  }
  return headers;
}

/** @param {Record<string, string | undefined>} env */
function configFolder(env) {
  const base = env.XDG_CONFIG_HOME || (process.platform === 'win32' ? env.APPDATA : undefined);
  return join(base || join(homedir(), '.config'), 'gatehouse');
}

/**
 * @param {string} says
 * @returns {Command}
 */
function wrong(says) {
  return { kind: 'wrong', code: EXIT.usage, says: `${says}. See --help` };
}
