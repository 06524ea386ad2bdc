import { readFile } from 'node:fs/promises';
import { formMessages, httpMessages } from '#adapters/sms';
import { ConfigFault, provide, setting, envInt, envText, type ConfigOf, type Provided, type TenantRef } from '#kernel';
import { Pools } from '#platform/notify';
import { Providers } from '#platform/notify/port';
import { TextMessages } from '#spine/identity/port';

/** Where browsers say that their push services are; nothing else is sent to, whatever an endpoint says. */
const PUSH_ORIGINS = ['https://fcm.googleapis.com', 'https://updates.push.services.mozilla.com', 'https://web.push.apple.com', '*.notify.windows.com'];

/** Settings of those who carry messages. */
export const providerConfig = {
  smsUrl: setting('EXCHEQUER_SMS_URL', 'base address of the text message provider', envText()),
  smsToken: setting('EXCHEQUER_SMS_TOKEN', 'secret for the text message provider', envText()),
  smsSecond: setting('EXCHEQUER_SMS_SECOND', 'a second text message provider that takes fields: https://<account>:<secret>@<host>/<path>', envText()),
  smsPerMinute: setting('EXCHEQUER_SMS_PER_MINUTE', 'text messages a minute that the providers take together; 0 for as many as there are',
    envInt(0, 0, 1_000_000)),
  mailPerMinute: setting('EXCHEQUER_MAIL_PER_MINUTE', 'mails a minute that the relays take together; 0 for as many as there are', envInt(0, 0, 1_000_000)),
  smtpUrls: setting('EXCHEQUER_SMTP_URLS', 'mail relays, the preferred first, with commas between; without them no mail is sent', envText()),
  mailFrom: setting('EXCHEQUER_MAIL_FROM', 'address that mail comes from', envText()),
  dkimSelector: setting('EXCHEQUER_DKIM_SELECTOR', 'name of the key that mail is signed with', envText()),
  dkimFile: setting('EXCHEQUER_DKIM_FILE', 'file with that key (PEM)', envText()),
  publicUrl: setting('EXCHEQUER_PUBLIC_URL', 'where links in messages lead, {tenant} standing for its name: https://{tenant}.example.org', envText()),
  vapidPublic: setting('EXCHEQUER_VAPID_PUBLIC', 'public key for web push (base64url); without it none is sent', envText()),
  vapidPrivate: setting('EXCHEQUER_VAPID_PRIVATE', 'private key for web push (base64url)', envText()),
};
type Config = ConfigOf<typeof providerConfig>;

/** The adapters behind the notices of a program, and sign-in codes through the same pool of text providers. */
export const noticeProviders = (p: Providers): Provided[] => [
  provide(Providers, () => p),
  provide(TextMessages, (cell) => {
    const { text } = cell.use(Pools);
    return { name: 'pool', send: (message, signal) => text.send(message, signal), inquire: (key, signal) => text.inquire(key, signal) };
  }),
];

async function mailOf(c: Config): Promise<Pick<Providers, 'email' | 'from'>> {
  const urls = (c.smtpUrls ?? '').split(',').map((u) => u.trim()).filter(Boolean);
  if (!urls.length) return { email: [] };
  if (!c.mailFrom) throw new ConfigFault(['EXCHEQUER_MAIL_FROM: mail needs an address to come from']);
  const from = c.mailFrom;
  const dkim = c.dkimSelector && c.dkimFile
    ? { domain: from.slice(from.lastIndexOf('@') + 1).replace(/>$/, ''), selector: c.dkimSelector, privateKey: await readFile(c.dkimFile, 'utf8') } : undefined;
  const { smtpMail } = await import('#adapters/smtp');
  return { from, email: urls.map((url, i) => smtpMail({ name: `smtp-${i + 1}`, url, ...(dkim ? { dkim } : {}) })) };
}

async function pushOf(c: Config): Promise<Pick<Providers, 'push' | 'pushKey' | 'pushOrigins'>> {
  if (!c.vapidPublic || !c.vapidPrivate) return { push: [] };
  const { webPush } = await import('#adapters/push');
  const vapid = { subject: `mailto:${c.mailFrom ?? 'nobody@invalid'}`, publicKey: c.vapidPublic, privateKey: c.vapidPrivate };
  return { push: [webPush({ vapid })], pushKey: c.vapidPublic, pushOrigins: PUSH_ORIGINS };
}

/** Who carries messages, by the settings of `exchequer start`. */
export async function configuredProviders(c: Config): Promise<Providers> {
  if (!c.smsUrl || !c.smsToken) throw new ConfigFault(['EXCHEQUER_SMS_URL and EXCHEQUER_SMS_TOKEN: sign-in needs a provider of text messages']);
  const second = c.smsSecond ? new URL(c.smsSecond) : undefined;
  const { publicUrl } = c;
  const linkBase = (tenant: Pick<TenantRef, 'slug'>): string => (publicUrl ?? '').replaceAll('{tenant}', tenant.slug).replace(/\/$/, '');
  return {
    text: [
      httpMessages({ base: c.smsUrl, token: c.smsToken }),
      ...(second ? [formMessages({ base: `${second.origin}${second.pathname}`, account: decodeURIComponent(second.username),
        secret: decodeURIComponent(second.password) })] : []),
    ],
    perMinute: { ...(c.smsPerMinute ? { text: c.smsPerMinute } : {}), ...(c.mailPerMinute ? { email: c.mailPerMinute } : {}) },
    ...(await mailOf(c)), ...(await pushOf(c)), ...(publicUrl ? { linkBase } : {}),
  };
}
