/// Maps of texts or bytes in objects.
#ifndef STRONGROOM_MAPS_H
#define STRONGROOM_MAPS_H

#include "fields.h"
#include "strongroom_kubernetes.h"

/// Begins a walk through a map and checks that all of it is well-formed. The values are texts or bytes, which differ in
/// JSON.
bool sr_map_read(const sr_message *message, sr_name name, bool of_bytes, sr_pairs *pairs);

#endif
