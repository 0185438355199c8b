// Write an admission plugin for Strongroom in JavaScript or TypeScript; see README.md.

export { bytes, text } from "./bytes.js";
export { get, list, log, previous, ReadError, settings } from "./host.js";
export * as kubernetes from "./kubernetes.js";
export { plugin } from "./policy.js";
export { putRequest, setHost } from "./testing.js";
export { allow, deny, mutate, Verdict } from "./verdict.js";
