/// What a namespace has in the store.
#ifndef USAGE_H
#define USAGE_H

#include "quota.h"

/// Whether objects of this namespace are counted where the key is.
bool is_counted(sr_bytes key, sr_bytes namespace, const quota *quota);

/// The verdict on a put of `request`, which is counted, by what the store has.
sr_verdict review_usage(const sr_request *request, sr_bytes namespace, const quota *quota);

#endif
