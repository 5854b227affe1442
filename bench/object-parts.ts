/**
 * What it costs to call a Durable Object by parts, `stub.part.method()`, next to one flat method: `npx node
 * bench/object-parts.ts [--calls 2000]`. Starts a small Worker in workerd, and prints for each way how many round
 * trips pass before the call arrives, and how long a call takes. docs/adr/0007-one-account-class.md has the outcome.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { QUIET, wranglerCommand } from '../scripts/lib/wrangler.ts';

const { values } = parseArgs({ options: { calls: { type: 'string', default: '2000' } } });

const CONFIG = `
name = "object-parts"
main = "worker.js"
compatibility_date = "2026-06-01"
durable_objects.bindings = [{ name = "OBJECT", class_name = "Parts" }]
migrations = [{ tag = "v1", new_sqlite_classes = ["Parts"] }]
`;

/*
 * Calls of one stub arrive in the order in which they are sent. Of calls that each wait for the answer of the one
 * before, as many arrive before the measured call as it needs round trips before it can be sent itself.
 */
const WORKER = `
import { DurableObject, RpcTarget } from 'cloudflare:workers';

class Part extends RpcTarget {
  #object;
  constructor(object) { super(); this.#object = object; }
  note(what) { return this.#object.note(what); }
}

export class Parts extends DurableObject {
  arrived = [];
  #part = new Part(this);
  get part() { return this.#part; }
  partByMethod() { return this.#part; }
  note(what) { this.arrived.push(what); return { ok: true, value: what }; }
  read() { return this.arrived.splice(0); }
}

const WAYS = {
  'stub.note()': (stub) => stub.note('call'),
  'stub.part.note()': (stub) => stub.part.note('call'),
  'stub.partByMethod().note()': async (stub) => {
    using part = stub.partByMethod();
    return await part.note('call');
  },
  '(await stub.part).note()': async (stub) => {
    using part = await stub.part;
    return await part.note('call');
  },
};

export default {
  async fetch(request, env) {
    const calls = Number(new URL(request.url).searchParams.get('calls'));
    const stub = env.OBJECT.getByName('one');
    await stub.read();
    const measured = [];
    for (const [way, call] of Object.entries(WAYS)) {
      const called = call(stub);
      for (let trip = 0; trip < 5; trip++) await stub.note('trip');
      await called;
      const before = (await stub.read()).indexOf('call');
      const rounds = [];
      for (let round = 0; round < 5; round++) {
        const began = Date.now();
        for (let n = 0; n < calls / 5; n++) await call(stub);
        rounds.push(((Date.now() - began) / calls) * 5000);
        await stub.read();
      }
      measured.push({ way, before, microseconds: Math.round(rounds.sort((a, b) => a - b)[2]) });
    }
    return Response.json(measured);
  },
};
`;

const folder = await mkdtemp(join(tmpdir(), 'object-parts-'));
await writeFile(join(folder, 'wrangler.toml'), CONFIG);
await writeFile(join(folder, 'worker.js'), WORKER);
const args = wranglerCommand(['dev', '--ip', '127.0.0.1', '--port', '0', '--inspector-port', '0']);
const dev = spawn(process.execPath, args, { cwd: folder, env: { ...process.env, ...QUIET } });
try {
  const origin = await new Promise<string>((resolve, reject) => {
    let said = '';
    const read = (chunk: Buffer) => {
      said += chunk;
      const ready = /Ready on (http:\S+)/.exec(said)?.[1];
      if (ready) resolve(ready);
    };
    dev.stdout.on('data', read);
    dev.stderr.on('data', read);
    dev.on('exit', () => reject(new Error(said)));
  });
  const measured = (await (await fetch(`${origin}/?calls=${values.calls}`)).json()) as {
    way: string;
    before: number;
    microseconds: number;
  }[];
  for (const { way, before, microseconds } of measured) {
    console.log(`${way.padEnd(30)} ${before} round trips before it, ${microseconds} µs a call`);
  }
} finally {
  dev.kill();
  await once(dev, 'exit').catch(() => undefined);
  await rm(folder, { recursive: true });
}
