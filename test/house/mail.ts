import { describe, expect, it } from 'vitest';
import type { Mail, Provider } from '#platform/notify/port';

export interface Delivered { readonly to: string; readonly subject: string; readonly text: string; readonly headers: Readonly<Record<string, string>> }

/** What every adapter behind the port of mail must do; `delivered` tells what reached boxes. */
export function mailConforms(name: string, open: () => { mail: Provider<Mail>; delivered: () => Promise<readonly Delivered[]> }): void {
  describe(`mail over ${name}`, () => {
    const signal = (): AbortSignal => AbortSignal.timeout(5000);
    const mailTo = (to: string, key: string, more: Partial<Mail> = {}): Mail & { key: string } => ({
      to, from: 'office@example.com', subject: `Subject ${key}`, text: `Text ${key}\n`, html: `<p>Text ${key}</p>`, headers: {}, key, ...more,
    });

    it('is taken and delivered as it is', async () => {
      const { mail, delivered } = open();
      expect(await mail.send(mailTo('asha@example.com', 'conform-1', { headers: { 'List-Unsubscribe': '<https://office.example/u>' } }), signal())).toMatchObject({ state: 'accepted' });
      const found = (await delivered()).find((m) => m.subject === 'Subject conform-1');
      expect(found).toMatchObject({ to: 'asha@example.com' });
      expect(found?.text.trim()).toBe('Text conform-1');
    });
    it('carries every script', async () => {
      const { mail, delivered } = open();
      await mail.send(mailTo('asha@example.com', 'conform-2', { subject: 'आपका रिफंड बदला “x” – बहुत लंबा विषय जो एक पंक्ति में नहीं समाता', text: 'नमस्ते ₹1,234.50 ✓\n' }), signal());
      const found = (await delivered()).find((m) => m.subject.startsWith('आपका'));
      expect(found?.subject).toBe('आपका रिफंड बदला “x” – बहुत लंबा विषय जो एक पंक्ति में नहीं समाता');
      expect(found?.text.trim()).toBe('नमस्ते ₹1,234.50 ✓');
    });
    it('refuses a box that is not there, for good', async () => {
      const { mail, delivered } = open();
      expect(await mail.send(mailTo('nobody@example.com', 'conform-3'), signal())).toMatchObject({ state: 'refused', gone: true });
      expect((await delivered()).some((m) => m.to.startsWith('nobody'))).toBe(false);
    });
    it('lets no value become a header of its own', async () => {
      const { mail, delivered } = open();
      await mail.send(mailTo('asha@example.com', 'conform-4', { subject: 'fine\r\nBcc: thief@example.com\r\nX-Evil: 1' }), signal()).catch(() => undefined);
      const all = await delivered();
      expect(all.some((m) => m.to === 'thief@example.com')).toBe(false);
      expect(all.some((m) => m.headers['x-evil'] !== undefined || m.headers.bcc !== undefined)).toBe(false);
    });
  });
}
