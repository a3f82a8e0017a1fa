/** The SHA-256 of some bytes, in hexadecimal digits. */
export async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}

/** The first 12 hexadecimal digits of a SHA-256: enough to tell data apart. */
export const short = (digest: string) => digest.slice(0, 12);

/** The first 12 hexadecimal digits of the SHA-256 of some bytes. */
export async function shortDigest(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return short(await sha256(bytes));
}
