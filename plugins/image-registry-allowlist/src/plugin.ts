// Denies pods, and what makes pods, whose images come from elsewhere than the settings allow.
//
// A denial names containers and images, and nothing else of the object. An object that cannot be read is denied,
// because a policy that cannot look must not say yes.

import {
  allow, deny, kubernetes, plugin, previous, ReadError, type Request, settings, type Verdict,
} from "strongroom-plugin";

import { name, version } from "../package.json";
import { liesIn, parseImage } from "./image.js";
import { checkSettings, readSettings, type Settings } from "./settings.js";

const RESOURCES = [
  "pods", "podtemplates", "controllers", "deployments", "replicasets", "statefulsets", "daemonsets", "jobs", "cronjobs",
];

// Findings in one message, and characters of an image in it: the host cuts a message off after 1 KiB.
const FINDINGS_MAX = 4;
const QUOTED_MAX = 160;

interface Finding {
  code: string;
  container: string;
  image: string;
  problem: string;
}

/** The plugin. */
export const policy = plugin({
  name,
  version,
  prefixes: RESOURCES.map((resource) => `/registry/${resource}/`),
  review,
  validateSettings: checkSettings,
});

function review(request: Request): Verdict {
  if (request.valueWithheld) {
    return deny("value-withheld", "pods are sealed and this plugin may not see sealed values; grant it that or remove it");
  }
  // A put that keeps its value writes nothing that was not reviewed before.
  if (request.value === null) return allow();
  const containers = containersOf(request.value);
  const rules = readSettings(settings());
  const findings: Finding[] = [];
  for (const { name, image } of containers) {
    const found = check(image, rules);
    if (found !== null) findings.push({ code: found[0], container: name, image, problem: found[1] });
  }
  if (findings.length === 0) return allow();
  return rules.keepExisting ? withoutExisting(findings, request) : refusal(findings);
}

// None where the object is of a kind that this plugin is not about.
function containersOf(value: Uint8Array): kubernetes.Container[] {
  const object = kubernetes.read(value);
  const spec = object.pod() ?? object.podTemplate();
  return spec === null ? [] : [...spec.initContainers, ...spec.containers, ...spec.ephemeralContainers];
}

function check(image: string, rules: Settings): [code: string, problem: string] | null {
  const parsed = parseImage(image);
  if (parsed === null) return ["image-malformed", "is no image reference"];
  if (!rules.allowed.some((place) => liesIn(parsed, place))) {
    return ["registry-not-allowed", "is from a place that is not allowed"];
  }
  if (rules.requireDigest && parsed.digest === null) return ["digest-missing", "is not named by its digest"];
  return null;
}

// Pods that ran before the plugin came must still be able to report their status and to end.
function withoutExisting(findings: Finding[], request: Request): Verdict {
  let images: Set<string>;
  try {
    images = existingImages(request);
  } catch (error) {
    if (!(error instanceof ReadError)) throw error;
    return refusal(findings).withNote(`existing images cannot be kept: ${error.message}`);
  }
  const added = findings.filter(({ image }) => !images.has(image));
  return added.length === 0 ? allow().withNote("keeps images that are not allowed") : refusal(added);
}

function existingImages(request: Request): Set<string> {
  const value = previous(request)?.value ?? null;
  if (value === null) return new Set();
  try {
    return new Set(containersOf(value).map(({ image }) => image));
  } catch (error) {
    if (error instanceof kubernetes.Unreadable) return new Set();
    throw error;
  }
}

function refusal(findings: Finding[]): Verdict {
  const named = findings.slice(0, FINDINGS_MAX);
  const sentences = named.map(
    ({ container, image, problem }) => `image ${quoted(image)} of container ${quoted(container)} ${problem}`,
  );
  const more = findings.length - named.length;
  if (more > 0) sentences.push(`and ${more} more`);
  return deny(findings[0]?.code ?? "registry-not-allowed", sentences.join("; "));
}

function quoted(text: string): string {
  return JSON.stringify(text.length > QUOTED_MAX ? `${text.slice(0, QUOTED_MAX)}…` : text);
}
