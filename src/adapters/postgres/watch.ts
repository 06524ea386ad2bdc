import { spawn } from 'node:child_process';
import { SERVER_ENV, type Identity } from './process.ts';

/**
 * A shell that waits on a pipe from us. A line on the pipe means that the server was stopped on purpose; its end
 * without a line means that we are gone, however we died. It signals the process only while postmaster.pid names it,
 * so a reused number is never hit; a server too young to have written the file is waited for.
 */
const SCRIPT = `
read -r line && exit 0
pid=$1 dir=$2
up() { kill -0 "$pid" 2>/dev/null; }
ours() { up && read -r first 2>/dev/null <"$dir/postmaster.pid" && [ "$first" = "$pid" ]; }
n=0
while up && ! ours && [ $n -lt 25 ]; do n=$((n+1)); sleep 0.2; done
ours && kill -INT "$pid"
n=0
while ours && [ $n -lt 150 ]; do n=$((n+1)); sleep 0.2; done
ours && kill -QUIT "$pid"
`;

/** Makes the server end when this process ends; returns how to call that off. */
export function watch(pid: number, dataDir: string, identity: Identity): () => void {
  const child = spawn('/bin/sh', ['-c', SCRIPT, 'watch-postgres', String(pid), dataDir], {
    ...identity, cwd: '/', env: SERVER_ENV, detached: true, stdio: ['pipe', 'ignore', 'ignore'],
  });
  child.on('error', () => undefined);
  child.stdin.on('error', () => undefined);
  child.unref();
  // The pipe must not keep this process alive; its end is what the shell waits for.
  if ('unref' in child.stdin && typeof child.stdin.unref === 'function') child.stdin.unref();
  return () => child.stdin.end('stopped\n');
}
