import type { ChildProcess } from 'node:child_process';
import { stripVTControlCharacters } from 'node:util';

/** Resolves with the origin on which `wrangler dev` says it is ready; never if it ends before. */
export function readyOrigin(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    let recent = '';
    const look = (chunk: Buffer) => {
      recent = stripVTControlCharacters(recent + chunk.toString()).slice(-4096);
      const origin = /Ready on (https?:\/\/\S+)\s/.exec(recent)?.[1];
      if (origin === undefined) return;
      child.stdout?.off('data', look);
      resolve(origin);
    };
    child.stdout?.on('data', look);
  });
}

/** The port that another program uses, according to the output; undefined when the output doesn't say so. */
export function takenPort(output: string): string | undefined {
  return /Address already in use \((?:.*):(\d+)\)/.exec(output)?.[1];
}

/**
 * Shows the output of a second program, with its name before each line. Output before `begin` is held back; `held`
 * returns it, in case the program fails before.
 */
export function showNamed(child: ChildProcess, name: string): { begin(): void; held(): string } {
  let begun = false;
  let held = '';
  const show = (to: NodeJS.WriteStream) => {
    let rest = '';
    return (chunk: Buffer) => {
      if (!begun) {
        held += chunk.toString();
        return;
      }
      const lines = (rest + chunk.toString()).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) if (line.trim() !== '') to.write(`[${name}] ${line}\n`);
    };
  };
  child.stdout?.on('data', show(process.stdout));
  child.stderr?.on('data', show(process.stderr));
  return {
    begin: () => {
      begun = true;
      held = '';
    },
    held: () => held,
  };
}
