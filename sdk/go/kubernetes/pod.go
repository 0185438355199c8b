package kubernetes

// Pod is what of a pod's specification policies ask most: its containers, as whom and where they run, and what they have of
// their node. A pointer is nil where the pod does not say.
type Pod struct {
	Containers          []Container
	InitContainers      []Container
	EphemeralContainers []Container
	ServiceAccountName  string
	HostNetwork         bool
	HostPID             bool
	HostIPC             bool
	// AutomountServiceAccountToken tells whether the containers get the account's token. If it is nil, the account tells.
	AutomountServiceAccountToken *bool
	// NodeName is empty until there is a node.
	NodeName string
	Volumes  []Volume
	// SecurityContext holds for containers that do not say it themselves.
	SecurityContext PodSecurityContext
}

// PodSecurityContext is what all containers of a pod may.
type PodSecurityContext struct {
	RunAsNonRoot *bool
	RunAsUser    *int64
	// SeccompProfileType is a type such as RuntimeDefault; empty if there is no profile.
	SeccompProfileType string
	// Sysctls are the names of those that are set.
	Sysctls []string
}

// Container is one container of a pod.
type Container struct {
	Name  string
	Image string
	// HostPorts are the ports of its node that it takes, without those that are 0.
	HostPorts       []int32
	SecurityContext SecurityContext
}

// SecurityContext is what a container may. A pointer is nil where the container does not say; for most, its pod then does.
type SecurityContext struct {
	Privileged bool
	// AllowPrivilegeEscalation is allowed if it is nil.
	AllowPrivilegeEscalation *bool
	RunAsNonRoot             *bool
	RunAsUser                *int64
	ReadOnlyRootFilesystem   bool
	Capabilities             Capabilities
	// SeccompProfileType is a type such as RuntimeDefault; empty if the container has no profile of its own.
	SeccompProfileType string
	// ProcMount is Default or Unmasked; empty is the former.
	ProcMount string
}

// Capabilities are given to a container and taken from it, as written: "NET_ADMIN", "ALL".
type Capabilities struct {
	Add  []string
	Drop []string
}

// Volume is one volume of a pod.
type Volume struct {
	Name string
	// Source is the name of the field that describes it: "hostPath", "emptyDir", "secret". It is empty if the volume comes from
	// something that this package does not know, so a policy should name what it allows.
	Source string
	// HostPath is the path on the node; empty if the volume comes from something else.
	HostPath string
}

// The fields of VolumeSource, by their numbers in protobuf.
var sources = [...]string{
	1: "hostPath", 2: "emptyDir", 3: "gcePersistentDisk", 4: "awsElasticBlockStore", 5: "gitRepo", 6: "secret", 7: "nfs",
	8: "iscsi", 9: "glusterfs", 10: "persistentVolumeClaim", 11: "rbd", 12: "flexVolume", 13: "cinder", 14: "cephfs",
	15: "flocker", 16: "downwardAPI", 17: "fc", 18: "azureFile", 19: "configMap", 20: "vsphereVolume", 21: "quobyte",
	22: "azureDisk", 23: "photonPersistentDisk", 24: "portworxVolume", 25: "scaleIO", 26: "projected", 27: "storageos",
	28: "csi", 29: "ephemeral", 30: "image",
}

// AllContainers are the containers of all three sorts.
func (p *Pod) AllContainers() []Container {
	all := append([]Container(nil), p.InitContainers...)
	return append(append(all, p.Containers...), p.EphemeralContainers...)
}

func (c *Container) addPort(port int64) error {
	if port != int64(int32(port)) {
		return errPort
	}
	if port != 0 {
		c.HostPorts = append(c.HostPorts, int32(port))
	}
	return nil
}

func (v *Volume) setSource(source string) error {
	if v.Source != "" && v.Source != source {
		return errSources
	}
	v.Source = source
	return nil
}
