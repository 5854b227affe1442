import { expect } from 'vitest';
import { type RunningOrchard, startOrchard } from '../../../scripts/lib/orchard';
import { startEverything } from '../../fixtures/upstream-everything';
import type { Upstream } from '../../fixtures/upstream-http';
import { type ModernUpstream, startModern } from '../../fixtures/upstream-modern';
import { type Gate, startGate } from './gate';

/*
 * What files share that need no settings of their own. It is started for the first that asks, once for all files
 * that one process of tests runs one after the other, so no other file uses it meanwhile; what a test makes there
 * has names of its own. A file may restart a shared gate, with the settings that it had.
 */

/** How many may run while the file at hand uses none of them: each is some processes and some 100 MB. */
const IDLE = 2;

interface Shared {
  stop(): Promise<unknown>;
}

const running = new Map<() => Promise<Shared>, { file: string | undefined; shared: Promise<Shared> }>();

function shared<T extends Shared>(start: () => Promise<T>): () => Promise<T> {
  return async () => {
    const file = expect.getState().testPath;
    const there = running.get(start);
    running.delete(start);
    const mine = there?.shared ?? start();
    mine.catch(() => running.delete(start));
    running.set(start, { file, shared: mine });
    for (const [other, { file: last, shared: its }] of running) {
      if (running.size <= IDLE) break;
      if (last === file) continue;
      running.delete(other);
      await (await its).stop();
    }
    return mine as Promise<T>;
  };
}

/** A gate as it is without settings. */
export const plainGate = shared(() => startGate());

/**
 * Seconds for which an access token of {@link briefGate} works: short, so that a client must refresh while a test
 * runs, and long enough for the call after that.
 */
export const BRIEF = 5;
export const briefGate = shared(() => startGate({ vars: { TOKENS: { access: BRIEF } } }));

/** A gate on a public host into which nobody can sign in: it serves nothing but `/health`. */
export const unsetGate = shared(() => startGate({ vars: { PUBLIC_URL: 'https://gate.example' } }));

export interface Merged extends Shared {
  gate: Gate;
  /** Behind the gate as `all`, and with `get-env` hidden as `everything`. */
  everything: Upstream;
  /** Behind the gate as `shop`, and with `secret` hidden as `store`. */
  shop: ModernUpstream;
}

/** A server with sessions and one without behind a gate, each as it is and with a tool that the operator hides. */
export const mergedGate = shared(async (): Promise<Merged> => {
  const [everything, shop] = await Promise.all([startEverything(), startModern()]);
  const server = (name: string, title: string, { url }: Upstream, ...hidden: string[]) => {
    const tools = hidden.map((match) => ({ match, access: 'hidden' }));
    return { name, title, url, auth: 'none', tools };
  };
  const SERVERS = [
    server('all', 'Everything', everything),
    server('everything', 'Everything', everything, 'get-env'),
    server('shop', 'Shop', shop),
    server('store', 'Store', shop, 'secret'),
  ];
  const gate = await startGate({ vars: { SERVERS } });
  return { gate, everything, shop, stop: () => Promise.all([gate.stop(), everything.close(), shop.close()]) };
});

export interface Services extends Shared {
  gate: Gate;
  orchard: RunningOrchard;
}

/** The orchard, whose users have accounts there, behind a gate; and as `keyed`, where it wants a key. */
export const servicesGate = shared(async (): Promise<Services> => {
  const orchard = await startOrchard();
  const url = `${orchard.origin}/mcp`;
  const gate = await startGate({
    vars: {
      NAME: 'Acme',
      SIGN_IN: { methods: ['local', 'skip'] },
      SERVERS: [
        { name: 'orchard', title: 'Orchard', description: 'Your own fruit trees.', url, auth: 'oauth' },
        { name: 'keyed', title: 'Keyed', url, auth: 'api_key' },
      ],
    },
  });
  return { gate, orchard, stop: () => Promise.all([gate.stop(), orchard.stop()]) };
});
