/** An outside party over real HTTP in this process, which does as a test says. */
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Heard { readonly method: string; readonly path: string; readonly headers: IncomingMessage['headers']; readonly body: string }
/** `cut`: the connection ends without an answer; `hang`: no answer ever comes. */
export type Answering = 'cut' | 'hang' | { readonly status: number; readonly body?: unknown };
export interface Party {
  readonly base: string;
  /** What reached it, in order. */
  readonly heard: Heard[];
  answer: (request: Heard) => Answering | Promise<Answering>;
  stop(): Promise<void>;
}

async function bodyOf(req: IncomingMessage): Promise<string> {
  let text = '';
  for await (const part of req) text += String(part);
  return text;
}

export async function startParty(answer: Party['answer'] = () => ({ status: 200 })): Promise<Party> {
  const heard: Heard[] = [];
  const server: Server = createServer((req, res) => {
    void (async () => {
      const request = { method: req.method ?? '', path: req.url ?? '', headers: req.headers, body: await bodyOf(req) };
      heard.push(request);
      const said = await party.answer(request);
      if (said === 'cut') req.socket.destroy();
      else if (said !== 'hang') res.writeHead(said.status, { 'content-type': 'application/json' }).end(said.body === undefined ? '' : JSON.stringify(said.body));
    })();
  });
  await new Promise<void>((done) => { server.listen(0, '127.0.0.1', done); });
  const party: Party = {
    base: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, heard, answer,
    stop: () => new Promise((done) => {
      server.closeAllConnections();
      server.close(() => done());
    }),
  };
  return party;
}
