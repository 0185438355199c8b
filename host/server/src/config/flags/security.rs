//! Flags of TLS, of the HTTP doors and of users.

use super::Kind::{Switch, Text, Whole};
use super::{Flag, honoured, moot};

const NO_DIALLING: &str = "the JSON gateway is inside the member, which dials itself for nothing";

#[rustfmt::skip]
pub(super) const FLAGS: &[Flag] = &[
    honoured("cert-file", Text, "", "certificate of the client listener (PEM)"),
    honoured("key-file", Text, "", "private key of the client listener (PEM)"),
    honoured("client-cert-auth", Switch, "false", "demand a certificate from clients"),
    moot("client-cert-file", Text, "", NO_DIALLING),
    moot("client-key-file", Text, "", NO_DIALLING),
    honoured("client-crl-file", Text, "", "revoked certificates of clients (PEM or DER)"),
    honoured("client-cert-allowed-hostname", Text, "", "names of which a client's certificate must carry one, comma separated"),
    honoured("trusted-ca-file", Text, "", "authority of the clients' certificates (PEM)"),
    honoured("auto-tls", Switch, "false", "serve clients with a certificate of the member's own making"),
    honoured("peer-cert-file", Text, "", "certificate of the peer listener (PEM)"),
    honoured("peer-key-file", Text, "", "private key of the peer listener (PEM)"),
    honoured("peer-client-cert-auth", Switch, "false", "demand a certificate from members"),
    honoured("peer-client-cert-file", Text, "", "certificate shown to other members (PEM); --peer-cert-file when not given"),
    honoured("peer-client-key-file", Text, "", "private key of --peer-client-cert-file (PEM)"),
    honoured("peer-trusted-ca-file", Text, "", "authority of the members' certificates (PEM)"),
    honoured("peer-cert-allowed-cn", Text, "", "common names of which a member's certificate must carry one, comma separated"),
    honoured("peer-cert-allowed-hostname", Text, "", "names of which a member's certificate must carry one, comma separated"),
    honoured("peer-auto-tls", Switch, "false", "serve members with a certificate of the member's own making"),
    honoured("self-signed-cert-validity", Whole, "1", "years for which a certificate of the member's own making holds"),
    honoured("peer-crl-file", Text, "", "revoked certificates of members (PEM or DER)"),
    honoured("cipher-suites", Text, "", "cipher suites of TLS 1.2 by Go's names, comma separated"),
    honoured("cors", Text, "*", "origins whose pages may read what is answered over HTTP, comma separated; `*` for all"),
    honoured("host-whitelist", Text, "*", "hosts by which the member may be addressed over HTTP without TLS, comma separated; `*` for all"),
    honoured("tls-min-version", Text, "TLS1.2", "`TLS1.2` or `TLS1.3`"),
    honoured("tls-max-version", Text, "", "`TLS1.2` or `TLS1.3`; the newest when not given"),
];

#[rustfmt::skip]
pub(super) const AUTH: &[Flag] = &[
    honoured("auth-token", Text, "simple", "`simple`, or `jwt,sign-method=RS256,pub-key=PATH,priv-key=PATH,ttl=5m`"),
    honoured("bcrypt-cost", Whole, "10", "cost of hashing passwords, from 4 to 31; one more doubles the work"),
    honoured("auth-token-ttl", Whole, "300", "seconds that a simple token lives after its last use"),
];
