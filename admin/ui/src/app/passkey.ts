// The browser's passkeys (WebAuthn level 3), as far as a page needs them: options and answers go through as JSON.
interface JSONOptions {
  publicKey: unknown;
}

type Parses = {
  parseRequestOptionsFromJSON?: (o: unknown) => PublicKeyCredentialRequestOptions;
  parseCreationOptionsFromJSON?: (o: unknown) => PublicKeyCredentialCreationOptions;
};

/** Whether this browser knows passkeys well enough. */
export function knowsPasskeys(): boolean {
  const c = globalThis.PublicKeyCredential as (typeof PublicKeyCredential & Parses) | undefined;
  return typeof c?.parseRequestOptionsFromJSON === "function" && typeof c.parseCreationOptionsFromJSON === "function";
}

// The API gives the options with or without the member publicKey around them.
function inner(options: unknown): unknown {
  return typeof options === "object" && options && "publicKey" in options ? (options as JSONOptions).publicKey : options;
}

/** Shows a passkey; the answer is what the API takes. */
export async function showPasskey(options: unknown): Promise<unknown> {
  const c = PublicKeyCredential as typeof PublicKeyCredential & Required<Parses>;
  const got = await navigator.credentials.get({ publicKey: c.parseRequestOptionsFromJSON(inner(options)) });
  return (got as PublicKeyCredential | null)?.toJSON();
}

/** Makes a passkey; the answer is what the API takes. */
export async function makePasskey(options: unknown): Promise<unknown> {
  const c = PublicKeyCredential as typeof PublicKeyCredential & Required<Parses>;
  const got = await navigator.credentials.create({ publicKey: c.parseCreationOptionsFromJSON(inner(options)) });
  return (got as PublicKeyCredential | null)?.toJSON();
}

/** The person has closed the browser's question, or it has timed out: no fault. */
export const wasDeclined = (err: unknown) => err instanceof DOMException && (err.name === "NotAllowedError" || err.name === "AbortError");
