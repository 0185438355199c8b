use super::*;

/// The keys that kube-apiserver's own test of its storage expects (`test/integration/etcd/data.go`), without namespace and
/// name, and those of Kubernetes' documentation on encryption.
const PREFIXES: [(&str, &str); 45] = [
    ("configmaps", "/registry/configmaps/"),
    ("endpoints", "/registry/services/endpoints/"),
    ("events", "/registry/events/"),
    ("limitranges", "/registry/limitranges/"),
    ("namespaces", "/registry/namespaces/"),
    ("nodes", "/registry/minions/"),
    ("persistentvolumeclaims", "/registry/persistentvolumeclaims/"),
    ("persistentvolumes", "/registry/persistentvolumes/"),
    ("pods", "/registry/pods/"),
    ("podtemplates", "/registry/podtemplates/"),
    ("replicationcontrollers", "/registry/controllers/"),
    ("resourcequotas", "/registry/resourcequotas/"),
    ("secrets", "/registry/secrets/"),
    ("secrets.", "/registry/secrets/"),
    ("serviceaccounts", "/registry/serviceaccounts/"),
    ("services", "/registry/services/specs/"),
    ("daemonsets.apps", "/registry/daemonsets/"),
    ("deployments.apps", "/registry/deployments/"),
    ("horizontalpodautoscalers.autoscaling", "/registry/horizontalpodautoscalers/"),
    ("cronjobs.batch", "/registry/cronjobs/"),
    ("certificatesigningrequests.certificates.k8s.io", "/registry/certificatesigningrequests/"),
    ("leases.coordination.k8s.io", "/registry/leases/"),
    ("endpointslices.discovery.k8s.io", "/registry/endpointslices/"),
    ("ingresses.networking.k8s.io", "/registry/ingress/"),
    ("ingressclasses.networking.k8s.io", "/registry/ingressclasses/"),
    ("networkpolicies.networking.k8s.io", "/registry/networkpolicies/"),
    ("poddisruptionbudgets.policy", "/registry/poddisruptionbudgets/"),
    ("podsecuritypolicies.policy", "/registry/podsecuritypolicy/"),
    ("storageversionmigrations.storagemigration.k8s.io", "/registry/storageversionmigrations/"),
    ("flowschemas.flowcontrol.apiserver.k8s.io", "/registry/flowschemas/"),
    ("volumeattachments.storage.k8s.io", "/registry/volumeattachments/"),
    ("clusterroles.rbac.authorization.k8s.io", "/registry/clusterroles/"),
    ("mutatingwebhookconfigurations.admissionregistration.k8s.io", "/registry/mutatingwebhookconfigurations/"),
    ("priorityclasses.scheduling.k8s.io", "/registry/priorityclasses/"),
    ("runtimeclasses.node.k8s.io", "/registry/runtimeclasses/"),
    ("resourceclaims.resource.k8s.io", "/registry/resourceclaims/"),
    ("storageversions.internal.apiserver.k8s.io", "/registry/storageversions/"),
    ("apiservices.apiregistration.k8s.io", "/registry/apiregistration.k8s.io/apiservices/"),
    ("customresourcedefinitions.apiextensions.k8s.io", "/registry/apiextensions.k8s.io/customresourcedefinitions/"),
    ("foos.cr.bar.com", "/registry/cr.bar.com/foos/"),
    ("pandas.awesome.bears.example", "/registry/awesome.bears.example/pandas/"),
    ("gateways.gateway.networking.k8s.io", "/registry/gateway.networking.k8s.io/gateways/"),
    ("*.custom.example", "/registry/custom.example/"),
    ("*.apiregistration.k8s.io", "/registry/apiregistration.k8s.io/"),
    ("*.*", "/registry/"),
];

#[test]
fn each_resource_has_the_prefix_that_kube_apiserver_keeps_it_under() {
    for (text, prefix) in PREFIXES {
        assert_eq!(Resource::parse(text).map(|resource| resource.prefix()), Ok(prefix.to_owned()), "{text}");
    }
}

#[test]
fn what_no_prefix_tells_is_refused_with_a_reason() {
    let cases = [
        ("*", "*.*"),
        ("*.", "name the resources"),
        ("*.apps", "name the resources"),
        ("*.networking.k8s.io", "name the resources"),
        ("secrets.*", "name the groups"),
        ("secret", "no such core resource"),
        ("deployments", "no such core resource"),
        ("serviceipallocations", "for itself"),
        ("events.events.k8s.io", "write events"),
        ("*.events.k8s.io", "write events"),
        ("ingresses.extensions", "has removed"),
        ("widgets.custom", "have a dot"),
        ("Secrets", "small letters"),
        ("pandas.Awesome.example", "small letters"),
        ("pods/status", "small letters"),
        ("", "small letters"),
        (".apps", "small letters"),
        ("pandas.awesome..example", "small letters"),
        ("pandas.example.", "small letters"),
        ("pan*.custom.example", "small letters"),
        ("*.*.example", "small letters"),
    ];
    for (text, mention) in cases {
        let problem = Resource::parse(text).unwrap_err();
        assert!(problem.contains(mention), "{text}: {problem}");
    }
}

#[test]
fn wildcards_cover_their_group_or_everything() {
    let resource = |text| Resource::parse(text).unwrap();
    let covers = |wildcard, text| resource(wildcard).covers(&resource(text));
    assert!(covers("*.*", "secrets") && covers("*.*", "*.custom.example") && covers("*.*", "*.*"));
    assert!(covers("*.custom.example", "pandas.custom.example") && covers("*.custom.example", "*.custom.example"));
    assert!(!covers("*.custom.example", "pandas.other.example") && !covers("*.custom.example", "*.*"));
    assert!(!covers("secrets", "secrets"));
}
