import { RESERVED_KEYS, type UploadedFile } from '#kernel';
import { FORM_FIELDS_MAX } from '../contract.ts';
import { BodyFault } from '../rules.ts';

/** Fields and files of a multipart form, each name at most once. A file that nobody chose is left out. Throws BodyFault. */
export async function multipart(body: Buffer, type: string): Promise<{ values: Record<string, string>; files: Record<string, UploadedFile> }> {
  let form: FormData;
  try {
    form = await new Response(new Uint8Array(body), { headers: { 'content-type': type } }).formData();
  } catch {
    throw new BodyFault('the form could not be read');
  }
  const values = Object.create(null) as Record<string, string>;
  const files = Object.create(null) as Record<string, UploadedFile>;
  let count = 0;
  for (const [name, value] of form) {
    count += 1;
    if (count > FORM_FIELDS_MAX) throw new BodyFault('the form has too many fields');
    if (RESERVED_KEYS.has(name)) throw new BodyFault('a field has a reserved name');
    if (name in values || name in files) throw new BodyFault('a field stands twice');
    if (typeof value === 'string') values[name] = value;
    else if (value.size) files[name] = { type: value.type, base64: Buffer.from(await value.arrayBuffer()).toString('base64') };
  }
  return { values, files };
}
