/*
 * In each process that runs tests. It ends when vitest is gone, which it would otherwise survive until it has
 * something to tell; and what it started ends with it (`scripts/lib/program.ts`).
 */
function endWithVitest(): void {
  process.kill(process.pid, 'SIGKILL');
}

const listens = process.listeners('disconnect').some(({ name }) => name === endWithVitest.name);
if (process.connected && !listens) process.once('disconnect', endWithVitest);
