"""Write an admission plugin for Strongroom in Python: one function, one line that exports it.

A plugin looks at a write before it enters the store and allows it, denies it, or changes it. It becomes a WebAssembly
component that can reach nothing: no files, no network, no clock. It has `host`: its settings, a log that administrators
read, and keys that it was granted to read. Every call runs in a fresh instance, a copy of the memory as it was after
the plugin was imported, so what a review leaves in a variable does not outlive it, unless
the administrator has instances reused. An exception counts as a failed
review, which denies the write unless the administrator chose otherwise.
"""

from strongroom_plugin import host, kubernetes
from strongroom_plugin.plugin import policy
from strongroom_plugin.request import Caller, Mode, Operation, Operations, Request
from strongroom_plugin.verdict import Allow, Deny, Mutate, Verdict

__all__ = [
    "Allow",
    "Caller",
    "Deny",
    "Mode",
    "Mutate",
    "Operation",
    "Operations",
    "Request",
    "Verdict",
    "host",
    "kubernetes",
    "policy",
]
