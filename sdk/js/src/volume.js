// Volumes of a pod. Field numbers: k8s.io/api/core/v1/generated.proto.

import { Malformed } from "./protobuf.js";
import { message, own, record, string, within } from "./shape.js";

// The fields of VolumeSource by their numbers, which in JSON stand beside the volume's name.
const SOURCES = [
  undefined, "hostPath", "emptyDir", "gcePersistentDisk", "awsElasticBlockStore", "gitRepo", "secret", "nfs", "iscsi",
  "glusterfs", "persistentVolumeClaim", "rbd", "flexVolume", "cinder", "cephfs", "flocker", "downwardAPI", "fc", "azureFile",
  "configMap", "vsphereVolume", "quobyte", "azureDisk", "photonPersistentDisk", "portworxVolume", "scaleIO", "projected",
  "storageos", "csi", "ephemeral", "image",
];
const NAME = 1;
const FIELDS = [undefined, "name", "volumeSource"];
const HOST_PATH = within(["path", 1], string);
const OTHER = message({});

/** A volume: its name, the name of the field that says what it comes from, and the path if that is one of the node. */
export const VOLUME = {
  empty: () => ({ name: "", source: "", hostPath: "" }),
  json: (value) => {
    const given = record(value);
    const volume = { ...VOLUME.empty(), name: string.json(own(given, "name")) };
    for (const source of Object.keys(given)) {
      if (!SOURCES.includes(source) || given[source] === null) continue;
      comesFrom(volume, source);
      if (source === "hostPath") volume.hostPath = HOST_PATH.json(given[source]);
      else OTHER.json(given[source]);
    }
    return volume;
  },
  merge: (volume, reader) => {
    const outer = reader.enter();
    for (let number = reader.next(FIELDS); number !== 0; number = reader.next(FIELDS)) {
      if (number === NAME) volume.name = reader.takeString();
      else mergeSource(volume, reader);
    }
    reader.leave(outer);
    return volume;
  },
};

function mergeSource(volume, reader) {
  const outer = reader.enter();
  for (let number = reader.next(SOURCES); number !== 0; number = reader.next(SOURCES)) {
    const source = SOURCES[number];
    comesFrom(volume, source);
    if (source === "hostPath") volume.hostPath = HOST_PATH.merge(volume.hostPath, reader);
    else OTHER.merge(OTHER.empty(), reader);
  }
  reader.leave(outer);
}

function comesFrom(volume, source) {
  if (volume.source !== "" && volume.source !== source) throw new Malformed("a volume with two sources");
  volume.source = source;
}
