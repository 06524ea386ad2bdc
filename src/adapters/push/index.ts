import type { Provider, PushMessage, SendResult } from '#platform/notify/port';
import { buildPushPayload, type VapidKeys } from '@block65/webcrypto-web-push';
import { Agent } from 'undici';

const CONNECTIONS_PER_ORIGIN = 8;
const ANSWER_BYTES_MAX = 16_384;
export type { VapidKeys };

/**
 * Web push: the payload is sealed for the browser alone (RFC 8291), the sender proves itself (RFC 8292). Endpoints were checked against the
 * known services when they were added; redirects are not followed.
 */
export function webPush(o: { vapid: VapidKeys; name?: string }): Provider<PushMessage> {
  const agent = new Agent({ connections: CONNECTIONS_PER_ORIGIN, maxResponseSize: ANSWER_BYTES_MAX });
  return {
    name: o.name ?? 'web-push',
    async send(push, signal): Promise<SendResult> {
      const { headers, body } = await buildPushPayload(
        { data: push.payload, options: { ttl: push.lifeSeconds, urgency: push.urgent ? 'high' : 'normal' } },
        // A service on loopback has no TLS, and what signs for it knows none without.
        { endpoint: push.endpoint.replace(/^http:/, 'https:'), expirationTime: null, keys: push.keys }, o.vapid);
      const url = new URL(push.endpoint);
      const answer = await agent.request({ origin: url.origin, path: `${url.pathname}${url.search}`, method: 'POST', headers: headers as Record<string,
        string>, body, signal });
      await answer.body.dump();
      const { statusCode } = answer;
      if (statusCode >= 200 && statusCode < 300) return { state: 'accepted', providerId: typeof answer.headers.location === 'string' ? answer.headers.location
        : push.key };
      // 404 and 410: the browser gave the subscription up (RFC 8030, 7.3).
      if (statusCode === 404 || statusCode === 410) return { state: 'refused', reason: `status ${statusCode}`, gone: true };
      if (statusCode >= 400 && statusCode < 500 && ![401, 403, 408, 429].includes(statusCode)) return { state: 'refused', reason: `status ${statusCode}` };
      throw new Error(`the push service answered ${statusCode}`);
    },
  };
}
