/// What the sources of the SDK share and plugins do not see.
#ifndef STRONGROOM_INTERNAL_H
#define STRONGROOM_INTERNAL_H

#include "strongroom.h"

/// Warnings, and notes, of one verdict: what the host takes.
#define SR_REMARKS_MAX 16

/// The text with `?` for every byte that is not UTF-8: the host refuses a verdict that is not.
sr_bytes sr_utf8(sr_bytes text);

/// The verdict with all its texts as UTF-8.
sr_verdict sr_verdict_utf8(sr_verdict verdict);

/// Asks the plugin whether it can work with these settings; null in the plugin means that it has none.
bool sr_validate(const sr_plugin *plugin, sr_bytes settings, sr_bytes *reason);

/// Whether base64 with padding stands there, line ends apart, and how many bytes it decodes to.
bool sr_base64_size(sr_bytes text, size_t *size);

/// What base64 decodes to. Only for what `sr_base64_size` accepts.
sr_bytes sr_base64_decode(sr_bytes text);

#endif
