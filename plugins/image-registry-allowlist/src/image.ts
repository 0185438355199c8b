// What an image reference means, as container runtimes read it (github.com/distribution/reference).

/** An image: whence it comes, and what pins it. */
export interface Image {
  /** Registry and path, written out: "docker.io/library/nginx". */
  name: string;
  digest: string | null;
}

const HUB = "docker.io";
const REFERENCE_LENGTH_MAX = 1024;
const PATH_LENGTH_MAX = 255;
const REGISTRY = /^(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(?::[0-9]{1,5})?$/;
const PATH = /^[a-z0-9]+(?:(?:[./_]|__|-+)[a-z0-9]+)*$/;
// What stands before the first slash, what follows it, and what pins the image.
const REFERENCE = /^(?:([^/@]+)\/)?([^:@]+)(?::([A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?(?:@(.*))?$/;
const DIGEST = /^(?:sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128})$/;
const IDENTIFIER_LENGTH = 64;
const IDENTIFIER = /^[0-9a-f]+$/;

/** Takes a reference apart; null if it is none. */
export function parseImage(reference: string): Image | null {
  if (reference.length > REFERENCE_LENGTH_MAX || isIdentifier(reference)) return null;
  const [, first, rest = "", , digest = null] = REFERENCE.exec(reference) ?? [];
  if (digest !== null && !DIGEST.test(digest)) return null;
  if (first === undefined || !isRegistry(first)) {
    const path = first === undefined ? rest : `${first}/${rest}`;
    return isPath(path) ? { name: onHub(path), digest } : null;
  }
  if (!REGISTRY.test(first) || !isPath(rest)) return null;
  const registry = canonical(first);
  return { name: registry === HUB ? onHub(rest) : `${registry}/${rest}`, digest };
}

/** What is wrong with a registry, or a path in one, that is to be compared with names of images; null if nothing is. */
export function problemOf(place: string): string | null {
  const name = place.endsWith("/") ? place.slice(0, -1) : place;
  const slash = name.indexOf("/");
  const registry = slash < 0 ? name : name.slice(0, slash);
  if (!isRegistry(registry)) return `names no registry; the Docker Hub is "${HUB}"`;
  if (registry !== canonical(registry)) return `must be written "${canonical(registry)}"`;
  if (REGISTRY.test(registry) && (slash < 0 || isPath(name.slice(slash + 1)))) return null;
  return "is not a registry or a path in one, without tag and digest";
}

/** Whether an image lies in this place or below it: in whole parts of its name. */
export function liesIn(image: Image, place: string): boolean {
  if (!image.name.startsWith(place)) return false;
  return place.endsWith("/") || image.name.length === place.length || image.name[place.length] === "/";
}

// Whether what stands before the first slash is a registry rather than a part of a path.
function isRegistry(part: string): boolean {
  return part.includes(".") || part.includes(":") || part === "localhost" || part !== part.toLowerCase();
}

function isPath(path: string): boolean {
  return path.length <= PATH_LENGTH_MAX && PATH.test(path);
}

// What runtimes take for the identifier of an image that they have.
function isIdentifier(reference: string): boolean {
  return reference.length === IDENTIFIER_LENGTH && IDENTIFIER.test(reference);
}

function canonical(registry: string): string {
  const lower = registry.toLowerCase();
  return lower === "index.docker.io" ? HUB : lower;
}

// The Hub's own images have no part before their name.
function onHub(path: string): string {
  return path.includes("/") ? `${HUB}/${path}` : `${HUB}/library/${path}`;
}
