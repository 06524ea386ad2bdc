import type { Mail, Provider, SendResult } from '#platform/notify/port';

const CONNECTIONS_MAX = 4;
/** Mails over one connection before it is made anew: relays end long ones. */
const MAILS_PER_CONNECTION = 200;
const CONNECT_MS_MAX = 5000;
/** A connection that nothing is sent over is given back: relays count them. */
const IDLE_MS_MAX = 30_000;

export interface Dkim { readonly domain: string; readonly selector: string; readonly privateKey: string }
export interface SmtpOptions { readonly name: string; /** `smtp://user:password@host:port` or `smtps://…`;
  STARTTLS where the relay offers it. */ readonly url: string;
  readonly points?: number; readonly dkim?: Dkim; /** Refuse relays that offer no TLS; on unless said. Loopback needs none. */ readonly tls?: boolean;
  /** Instead of IDLE_MS_MAX. */ readonly idleMs?: number }

interface SmtpError extends Error { readonly responseCode?: number; readonly code?: string; readonly command?: string; readonly syscall?: string }

/** The relay said that there is no such box, or that it takes nothing from us: for good (RFC 5321, 5yz). */
const isRefusal = (error: SmtpError): boolean => error.responseCode !== undefined && error.responseCode >= 500
  && ['RCPT TO', 'MAIL FROM', 'DATA'].includes(error.command ?? '');
const NO_BOX = new Set([550, 551, 553, 556]);

/**
 * A mail relay over SMTP, by a few connections that are kept while there is mail. It cannot be asked what became of a mail: after a break in the
 * middle a mail may be sent again, with the same Message-ID, by which mail programs know it.
 */
export function smtpMail(o: SmtpOptions): Provider<Mail> & { close(): void } {
  const { hostname } = new URL(o.url);
  const loopback = ['127.0.0.1', 'localhost', '[::1]'].includes(hostname);
  // Read when there is mail: it would make each start of the program a tenth of a second longer.
  let opened: ReturnType<typeof open> | undefined;
  const open = async () => (await import('nodemailer')).createTransport({
    url: o.url, pool: true, maxConnections: CONNECTIONS_MAX, maxMessages: MAILS_PER_CONNECTION, connectionTimeout: CONNECT_MS_MAX,
      greetingTimeout: CONNECT_MS_MAX, idleTimeout: o.idleMs ?? IDLE_MS_MAX,
    requireTLS: (o.tls ?? true) && !loopback, disableFileAccess: true, disableUrlAccess: true,
    ...(o.dkim ? { dkim: { domainName: o.dkim.domain, keySelector: o.dkim.selector, privateKey: o.dkim.privateKey,
      // RFC 8058 asks that both fields be signed, so that nobody on the way puts in others.
      headerFieldNames: 'from:to:subject:date:message-id:mime-version:content-type:list-unsubscribe:list-unsubscribe-post' } } : {}),
  });
  return {
    name: o.name, ...(o.points === undefined ? {} : { points: o.points }),
    async send(mail, signal): Promise<SendResult> {
      const domain = mail.from.slice(mail.from.lastIndexOf('@') + 1).replace(/>$/, '');
      const messageId = `<${mail.key}@${domain}>`;
      try {
        // What still waits for a connection when its time is over is taken out of the line: it must not leave after somebody else sent it.
        await (await (opened ??= open())).sendMail({ messageId, from: mail.from, to: mail.to, subject: mail.subject, text: mail.text, html: mail.html,
          headers: { ...mail.headers }, signal });
        return { state: 'accepted', providerId: messageId };
      } catch (error) {
        const e = error as SmtpError;
        if (isRefusal(e)) return { state: 'refused', reason: `smtp ${e.responseCode}`,
          ...(NO_BOX.has(e.responseCode as number) && e.command === 'RCPT TO' ? { gone: true as const } : {}) };
        // nodemailer gives one code to every trouble of the socket; who never connected never sent.
        throw e.syscall === 'connect' || e.code === 'EDNS' ? Object.assign(new Error('the relay does not answer', { cause: e }), { code: 'ECONNREFUSED' }) : e;
      }
    },
    close: () => void opened?.then((transport) => transport.close()),
  };
}

/** Keeps mail in this process and sends nothing; for tests. A box that begins with `nobody` is not there. */
export function memoryMail(): Provider<Mail> & { readonly sent: readonly (Mail & { readonly key: string })[] } {
  const sent: (Mail & { readonly key: string })[] = [];
  return {
    name: 'memory-mail', sent,
    async send(mail) {
      if (mail.to.startsWith('nobody')) return { state: 'refused', reason: 'no such box', gone: true };
      if (!sent.some((m) => m.key === mail.key)) sent.push(mail);
      return { state: 'accepted', providerId: mail.key };
    },
  };
}
