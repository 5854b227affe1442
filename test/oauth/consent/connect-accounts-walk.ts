import { statusesOf, type World, worldWith } from '../../fixtures/connections';
import { plainServer, realServer, scripted } from '../../fixtures/mcp-server';
import {
  type Browser,
  formWith,
  locationOf,
  type Page,
  redeem,
  textOf,
  tokensOf,
} from '../../fixtures/worker';
import { decide, openConsent, type Waiting } from '../pages';

/* People at the page Connect your accounts, and what they press there. */

/** A server that takes one key. */
function keyedServer(right: string) {
  const real = realServer();
  return scripted((request) => {
    if (request.headers.get('authorization') !== `Bearer ${right}`)
      return new Response(null, { status: 401 });
    const { url, method, headers, text } = request;
    return real.fetch(new Request(url, { method, headers, ...(text === '' ? {} : { body: text }) }));
  });
}

export const KEY = 'sk-the-right-one';
const open = { setting: { auth: 'none' }, behind: plainServer() };
const keyed = () => ({ behind: keyedServer(KEY), setting: { auth: 'api_key', title: 'Keyed' } });

export interface Begun extends Waiting {
  world: World;
  user: string;
  /** The page after Allow. */
  services: Page;
  /** Where it is. */
  at: string;
}

let people = 0;
/** Somebody new, who has allowed all of it and is at the page Connect your accounts. */
export async function begin(
  fields: Record<string, string | string[]> = {},
  setting: Record<string, unknown> = {},
): Promise<Begun> {
  const world = worldWith(setting, {}, { keyed: keyed(), open });
  const user = `Services ${++people}`;
  const waiting = await openConsent({ gate: world.at, user: { name: user } });
  const decided = await decide(waiting, { server: ['tools', 'keyed', 'open'], ...fields });
  const at = locationOf(decided);
  return { ...waiting, world, user, at, services: await waiting.browser.visit(at) };
}

export const formOf = (page: Page, server: string) => {
  const form = page.forms.find(
    ({ names, action }) => action.includes('step=services') && names.includes('connect'),
  );
  const own = page.html.includes(`value="${server}"`);
  if (!form || !own) throw new Error(`nothing to connect ${server} with: ${textOf(page.html)}`);
  return form;
};

export const connect = (begun: Pick<Begun, 'browser' | 'services'>, server: string, fields = {}) =>
  begun.browser.submit(formOf(begun.services, server), { connect: server, ...fields });

export const leave = ({ browser, services }: Begun, decision: 'finish' | 'skip') =>
  browser.submit(formWith(services, 'decision'), { decision });

export async function tokensFrom({ world, browser, client, code_verifier }: Begun, left: Page) {
  const callback = new URL(locationOf(left));
  const code = callback.searchParams.get('code') ?? '';
  const authorized = { gate: world.at, browser, client, code, code_verifier, callback };
  return tokensOf(await redeem(authorized));
}

export const statusOf = async (browser: Browser) =>
  Object.fromEntries((await statusesOf(browser)).map(({ server, status }) => [server, status]));
