/// What stands for the host in native tests of plugins: compile the plugin and the SDK's sources but `abi.c` with the
/// machine's own compiler, and call the plugin's functions.
#ifndef STRONGROOM_TEST_H
#define STRONGROOM_TEST_H

#include "strongroom.h"

/// Forgets settings, grants, keys and logs, and frees all memory of `sr_alloc`. Between two cases.
void sr_test_reset(void);

/// Gives the plugin settings.
void sr_test_settings(const char *settings);

/// Lets the plugin read keys that begin with this.
void sr_test_grant(const char *prefix);

/// Puts a key into the store, or one whose value is withheld.
void sr_test_put(const char *key, sr_bytes value);
void sr_test_put_withheld(const char *key);

/// How often the plugin has read since the last reset.
size_t sr_test_reads(void);

/// A plain put by an unknown caller.
sr_request sr_test_put_request(const char *key, sr_bytes value);

/// A delete of one key by an unknown caller.
sr_request sr_test_delete_request(const char *key);

/// The verdict of the plugin under test, as the host would get it.
sr_verdict sr_test_review(const sr_request *request);

/// Whether the plugin under test takes these settings, and if not, why.
bool sr_test_validate(const char *settings, sr_bytes *reason);

#endif
