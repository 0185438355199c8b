// Text and base64 for engines without TextDecoder and TextEncoder, as QuickJS is one.
// What is built in does the work on whole strings, since a loop over bytes is slow in an interpreter.

// Arguments of one call; engines bound them by their stack.
const CHUNK = 2048;
const HAS_BASE64 = typeof Uint8Array.fromBase64 === "function";

/** The text that these bytes are in UTF-8, or null if they are not. */
export function text(bytes) {
  const units = latin1(bytes);
  if (isAscii(bytes)) return units;
  try {
    return decodeURIComponent(escape(units));
  } catch {
    return null;
  }
}

/** The bytes of a text in UTF-8. Half a surrogate pair becomes U+FFFD. */
export function bytes(text) {
  return fromLatin1(/[\x80-\uffff]/.test(text) ? unescape(encodeURIComponent(text.toWellFormed())) : text);
}

/** What a text in standard base64 stands for, or null if it is none. Line breaks are skipped, as Go does. */
export function fromBase64(text) {
  const digits = text.includes("\n") || text.includes("\r") ? text.replace(/[\r\n]/g, "") : text;
  const end = digits.indexOf("=");
  const padding = end < 0 ? 0 : digits.length - end;
  if (digits.length % 4 !== 0 || padding > 2 || /[^A-Za-z0-9+/=]/.test(digits)) return null;
  if (padding === 2 && !digits.endsWith("==")) return null;
  return HAS_BASE64 ? Uint8Array.fromBase64(digits) : fromLatin1(atob(digits));
}

/** Whether `bytes` begins with `prefix`. */
export function beginsWith(bytes, prefix) {
  if (bytes.length < prefix.length) return false;
  for (let at = 0; at < prefix.length; at++) if (bytes[at] !== prefix[at]) return false;
  return true;
}

// A loop over words, where there are many: a regular expression takes three times as long.
function isAscii(bytes) {
  let seen = 0;
  let at = 0;
  if (bytes.length >= 64) {
    const head = (4 - (bytes.byteOffset & 3)) & 3;
    const words = new Uint32Array(bytes.buffer, bytes.byteOffset + head, (bytes.length - head) >> 2);
    const { length } = words;
    let word = 0;
    for (; word + 4 <= length; word += 4) seen |= words[word] | words[word + 1] | words[word + 2] | words[word + 3];
    for (; word < length; word++) seen |= words[word];
    if (seen & 0x80808080) return false;
    for (seen = 0; at < head; at++) seen |= bytes[at];
    at += length * 4;
  }
  for (; at < bytes.length; at++) seen |= bytes[at];
  return seen < 128;
}

// A text with one character of at most U+00FF for each byte.
function latin1(bytes) {
  if (HAS_BASE64) return atob(bytes.toBase64());
  let units = "";
  for (let at = 0; at < bytes.length; at += CHUNK) {
    units += String.fromCharCode.apply(null, bytes.subarray(at, at + CHUNK));
  }
  return units;
}

function fromLatin1(units) {
  if (HAS_BASE64) return Uint8Array.fromBase64(btoa(units));
  const result = new Uint8Array(units.length);
  for (let at = 0; at < units.length; at++) result[at] = units.charCodeAt(at);
  return result;
}
