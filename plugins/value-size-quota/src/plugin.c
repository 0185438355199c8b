/// Denies values, and namespaces, that are larger than they may be.
///
/// It counts bytes and objects. It is *not* about what is in a value: it looks at none, and at no key but its
/// namespace.

#include <strongroom.h>

#include "quota.h"
#include "usage.h"

static sr_bytes subject(sr_bytes namespace) {
    if (namespace.len == 0) return sr_text("an object without a namespace");
    return sr_concat(sr_text("an object in namespace "), namespace);
}

static sr_verdict review(const sr_request *request) {
    // A put that keeps its value, and a delete, make nothing larger.
    if (!request->value.present && !request->value_withheld) return sr_allow();

    quota quota;
    sr_bytes reason;
    sr_bytes namespace = namespace_of(request->key);
    if (!quota_read(sr_settings(), namespace, &quota, &reason)) return sr_deny("settings-malformed", reason);
    const limits *limits = &quota.limits;
    bool is_total = namespace.len > 0 && (limits->total_bytes != UNLIMITED || limits->objects != UNLIMITED) &&
                    is_counted(request->key, namespace, &quota);
    bool weighs = limits->value_bytes != UNLIMITED || (is_total && limits->total_bytes != UNLIMITED);

    if (request->value_withheld && weighs) {
        return sr_deny("value-withheld",
                       sr_text("the value is sealed and this plugin may not see sealed values; grant it that, "
                               "or give this namespace no limit of bytes"));
    }
    size_t len = request->value.bytes.len;
    if (len > limits->value_bytes) {
        return sr_deny("value-too-large",
                       sr_concat(sr_text("the value has "), sr_decimal(len), sr_text(" bytes, and "),
                                 subject(namespace), sr_text(" may have "), sr_decimal(limits->value_bytes)));
    }
    return is_total ? review_usage(request, namespace, &quota) : sr_allow();
}

static bool validate_settings(sr_bytes settings, sr_bytes *reason) {
    quota quota;
    return quota_read(settings, (sr_bytes){0}, &quota, reason) && quota_is_unambiguous(settings, reason);
}

SR_PLUGIN(.name = "value-size-quota", .version = "0.1.0", .prefixes = SR_PREFIXES("/registry/configmaps/"),
          .operations = SR_REVIEW_PUTS, .review = review, .validate_settings = validate_settings)
