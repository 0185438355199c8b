/** The text that these bytes are in UTF-8, or null if they are not. */
export function text(bytes: Uint8Array): string | null;

/** The bytes of a text in UTF-8. Half a surrogate pair becomes U+FFFD. */
export function bytes(text: string): Uint8Array;

/** What a text in standard base64 stands for, or null if it is none. Line breaks are skipped, as Go does. */
export function fromBase64(text: string): Uint8Array | null;

/** Whether `bytes` begins with `prefix`. */
export function beginsWith(bytes: Uint8Array, prefix: Uint8Array): boolean;
