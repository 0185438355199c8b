/// Parts of a Pod.
#ifndef STRONGROOM_POD_H
#define STRONGROOM_POD_H

#include "fields.h"
#include "strongroom_kubernetes.h"

/// Begins a walk through containers and checks that all of them are well-formed.
bool sr_containers_read(const sr_message *spec, sr_name name, sr_containers *containers);

/// The same for volumes.
bool sr_volumes_read(const sr_message *spec, sr_name name, sr_volumes *volumes);

/// Reads the type of the seccomp profile in field `name`.
bool sr_seccomp_profile_read(const sr_message *message, sr_name name, sr_bytes *type);

/// Field `ephemeralContainers`, whose containers are otherwise laid out in protobuf.
#define SR_EPHEMERAL_CONTAINERS ((sr_name){"ephemeralContainers", 34})

#endif
