/// Making verdicts.

#include <string.h>

#include "internal.h"

sr_verdict sr_allow(void) {
    return (sr_verdict){.decision = SR_ALLOW};
}

sr_verdict sr_deny(const char *code, sr_bytes message) {
    return (sr_verdict){.decision = SR_DENY, .denial = {sr_text(code), message}};
}

sr_verdict sr_mutate(sr_bytes value) {
    return (sr_verdict){.decision = SR_MUTATE, .value = value};
}

/// A copy, so that two verdicts made from one do not share a list.
static sr_bytes_list with(sr_bytes_list lines, sr_bytes line) {
    if (lines.count >= SR_REMARKS_MAX) return lines;
    sr_bytes *items = sr_alloc((lines.count + 1) * sizeof *items);
    if (lines.count > 0) memcpy(items, lines.items, lines.count * sizeof *items);
    items[lines.count] = line;
    return (sr_bytes_list){items, lines.count + 1};
}

sr_verdict sr_with_warning(sr_verdict verdict, sr_bytes line) {
    verdict.warnings = with(verdict.warnings, line);
    return verdict;
}

sr_verdict sr_with_note(sr_verdict verdict, sr_bytes line) {
    verdict.notes = with(verdict.notes, line);
    return verdict;
}

static sr_bytes_list lines_utf8(sr_bytes_list lines) {
    sr_bytes_list copy = {0};
    for (size_t index = 0; index < lines.count; index++) copy = with(copy, sr_utf8(lines.items[index]));
    return copy;
}

sr_verdict sr_verdict_utf8(sr_verdict verdict) {
    if (verdict.decision == SR_DENY) {
        verdict.denial.code = sr_utf8(verdict.denial.code);
        verdict.denial.message = sr_utf8(verdict.denial.message);
    }
    verdict.warnings = lines_utf8(verdict.warnings);
    verdict.notes = lines_utf8(verdict.notes);
    return verdict;
}

bool sr_validate(const sr_plugin *plugin, sr_bytes settings, sr_bytes *reason) {
    *reason = sr_text("the settings are not what this plugin expects");
    if (plugin->validate_settings) return plugin->validate_settings(settings, reason);
    *reason = sr_text("this plugin has no settings");
    return settings.len == 0;
}

sr_read sr_previous(const sr_request *request, sr_optional_entry *found) {
    return sr_get(request->key, found);
}

sr_bytes sr_key_after(sr_bytes key) {
    return sr_concat(key, (sr_bytes){(const uint8_t *)"", 1});
}
