import { browserSupportsWebAuthn, startAuthentication, startRegistration } from '@simplewebauthn/browser';

/** Asks the device for a passkey of this site: an answer to a challenge, or a new one. Resolves to its text. */
async function answer(data: DOMStringMap): Promise<string> {
  if (data.passkey === 'create') {
    const optionsJSON = {
      challenge: data.challenge ?? '', rp: { id: data.rp ?? '', name: data.rpName ?? '' },
      user: { id: btoa(data.user ?? '').replace(/=+$/, ''), name: data.name ?? '', displayName: data.name ?? '' },
      // EdDSA, ES256 and RS256 (RFC 9053 §2.2, RFC 8812 §2).
      pubKeyCredParams: [-8, -7, -257].map((alg) => ({ type: 'public-key' as const, alg })),
      authenticatorSelection: { residentKey: 'required' as const, userVerification: 'required' as const }, attestation: 'none' as const,
    };
    return JSON.stringify(await startRegistration({ optionsJSON }));
  }
  const asked = await fetch(data.from ?? '', { headers: { accept: 'application/json' } });
  if (!asked.ok) throw new Error(`no challenge: ${asked.status}`);
  const { challenge, rp } = await asked.json() as { challenge: string; rp: string };
  return JSON.stringify(await startAuthentication({ optionsJSON: { challenge, rpId: rp, userVerification: 'required' } }));
}

for (const form of document.querySelectorAll<HTMLFormElement>('form[data-passkey]')) {
  if (!browserSupportsWebAuthn()) continue;
  form.hidden = false;
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const failed = form.querySelector<HTMLElement>('[role=alert]');
    if (failed) failed.hidden = true;
    answer(form.dataset).then((text) => {
      const field = form.querySelector<HTMLInputElement>('input[name=credential]');
      if (field) field.value = text;
      form.submit();
    }, () => {
      // Turned away, timed out or no passkey here: to the person it is one thing, and the password stands below.
      if (failed) failed.hidden = false;
    });
  });
}
