use rcgen::{CertificateParams, DnType, KeyPair, SanType};

use super::*;
use crate::Identity;

fn caller(common_name: &str, names: Vec<SanType>) -> Caller {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.subject_alt_names = names;
    let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
    Caller::certified(Identity::from_der(certificate.der()).unwrap(), None)
}

fn administrators(rules: &[&str]) -> Administrators {
    rules.iter().map(|rule| rule.parse::<AdministratorRule>().unwrap()).collect()
}

fn admitted(rule: &str, caller: &Caller) -> bool {
    administrators(&[rule]).admit(caller).is_ok()
}

#[test]
fn each_kind_of_rule_admits_its_own_kind_of_name_only() {
    let by_uri = caller("x", vec![SanType::URI("spiffe://x/admin".try_into().unwrap())]);
    let by_dns = caller("x", vec![SanType::DnsName("admin.example".try_into().unwrap())]);
    let by_common_name = caller("admin.example", vec![]);
    assert!(admitted("URI:spiffe://x/admin", &by_uri));
    assert!(admitted("DNS:ADMIN.example", &by_dns));
    assert!(admitted("CN:admin.example", &by_common_name));
    assert!(!admitted("DNS:admin.example", &by_common_name));
    assert!(!admitted("CN:admin.example", &by_dns));
    assert!(!admitted("CN:spiffe://x/admin", &by_uri));
}

#[test]
fn names_match_whole() {
    let uri = caller("x", vec![SanType::URI("spiffe://x/admin".try_into().unwrap())]);
    for rule in ["URI:spiffe://x/", "URI:spiffe://x/adm", "URI:spiffe://x/admin/", "URI:SPIFFE://x/admin", "CN:X"] {
        assert!(!admitted(rule, &uri), "{rule}");
    }
}

#[test]
fn a_wildcard_in_a_certificate_matches_nobodys_rule() {
    let wildcard = caller("x", vec![SanType::DnsName("*.example".try_into().unwrap())]);
    assert!(!admitted("DNS:admin.example", &wildcard));
}

#[test]
fn the_evidence_names_rule_and_certificate() {
    let jane = caller("jane", vec![]);
    let admitted = administrators(&["CN:joe", "CN:jane"]).admit(&jane).unwrap();
    assert_eq!(admitted.name(), "CN:jane");
    assert_eq!(admitted.fingerprint(), jane.identity().map(Identity::fingerprint));
}

#[test]
fn nobody_is_admitted_without_a_certificate_or_a_rule() {
    let all = administrators(&["CN:jane"]);
    assert_eq!(
        all.admit(&Caller::anonymous(None)).unwrap_err(),
        AuthError::CertificateRequired { office: "administrator" }
    );
    assert_eq!(all.admit(&Caller::internal()).unwrap_err(), AuthError::CertificateRequired { office: "administrator" });
    let error = Administrators::default().admit(&caller("jane", vec![])).unwrap_err();
    assert_eq!(error, AuthError::NoOffice { caller: "CN:jane".to_owned(), office: "administrator" });
}

#[test]
fn a_wider_access_admits_any_certificate_or_anybody() {
    let (jane, nobody) = (caller("jane", vec![]), Caller::anonymous(None));
    let admits = |access, caller| Administrators::default().with_access(access).admit(caller).is_ok();
    assert_eq!(
        [AdminAccess::Mtls, AdminAccess::ClientCert, AdminAccess::Any].map(|a| admits(a, &jane)),
        [false, true, true]
    );
    let anonymous = [AdminAccess::Mtls, AdminAccess::ClientCert, AdminAccess::Any].map(|a| admits(a, &nobody));
    assert_eq!(anonymous, [false, false, true]);
}

#[test]
fn each_access_reads_back_as_written() {
    for text in ["mtls", "client-cert", "any"] {
        assert_eq!(text.parse::<AdminAccess>().unwrap().to_string(), text);
    }
    assert!("none".parse::<AdminAccess>().is_err());
    assert!(AdminAccess::Any.danger().is_some() && AdminAccess::ClientCert.danger().is_none());
}

#[test]
fn each_office_has_its_own_rules_and_administrators_hold_all() {
    let rules = |rule: &str| vec![rule.parse::<AdministratorRule>().unwrap()];
    let all = administrators(&["CN:root"]).with_others(rules("CN:ann"), rules("CN:bob"));
    let offices = |name: &str| {
        let caller = caller(name, vec![]);
        let [audits, backs_up] = [all.admit_auditor(&caller).map(drop), all.admit_backup_operator(&caller).map(drop)]
            .map(|held| held.is_ok());
        (all.admit(&caller).is_ok(), audits, backs_up)
    };
    assert_eq!(offices("root"), (true, true, true));
    assert_eq!(offices("ann"), (false, true, false));
    assert_eq!(offices("bob"), (false, false, true));
    assert_eq!(offices("eve"), (false, false, false));
    let refused = all.admit_auditor(&caller("bob", vec![])).unwrap_err();
    assert_eq!(refused.to_string(), "permission denied: CN:bob is not an auditor");
}
