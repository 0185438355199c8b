// For native tests of policies.

import { host } from "#host";

import { bytes } from "./bytes.js";

/** Replaces functions of the host: `setHost({ settings: () => "{}" })`. For tests that run outside a component. */
export function setHost(functions) {
  Object.assign(host, functions);
}

/** A plain put of a value, bytes or text, by an unknown caller. `more` replaces fields of it. */
export function putRequest(key, value, more = {}) {
  return {
    operation: "put",
    key: bytes(key),
    rangeEnd: null,
    value: typeof value === "string" ? bytes(value) : value,
    valueWithheld: false,
    lease: 0,
    inTxn: false,
    caller: { commonName: null, user: null, uris: [] },
    mode: "enforce",
    ...more,
  };
}
