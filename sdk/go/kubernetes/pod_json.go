package kubernetes

import (
	"slices"

	"strongroom/plugin/json"
)

func (inJSON) readPod(body []byte, pod *Pod) error {
	return members(body, func(reader *json.Reader, name string) {
		if name == "spec" {
			pod.readJSON(reader)
		} else {
			reader.Skip()
		}
	})
}

func (p *Pod) readJSON(reader *json.Reader) {
	reader.Object(func(name string) {
		switch name {
		case "containers":
			p.Containers = items(reader, (*Container).readJSON)
		case "initContainers":
			p.InitContainers = items(reader, (*Container).readJSON)
		case "ephemeralContainers":
			p.EphemeralContainers = items(reader, (*Container).readJSON)
		case "serviceAccountName":
			p.ServiceAccountName = reader.String()
		case "hostNetwork":
			p.HostNetwork = reader.Bool()
		case "hostPID":
			p.HostPID = reader.Bool()
		case "hostIPC":
			p.HostIPC = reader.Bool()
		case "automountServiceAccountToken":
			p.AutomountServiceAccountToken = unlessNull(reader, reader.Bool)
		case "nodeName":
			p.NodeName = reader.String()
		case "volumes":
			p.Volumes = items(reader, (*Volume).readJSON)
		case "securityContext":
			p.SecurityContext.readJSON(reader)
		default:
			reader.Skip()
		}
	})
}

func (c *PodSecurityContext) readJSON(reader *json.Reader) {
	reader.Object(func(name string) {
		switch name {
		case "runAsNonRoot":
			c.RunAsNonRoot = unlessNull(reader, reader.Bool)
		case "runAsUser":
			c.RunAsUser = unlessNull(reader, reader.Int)
		case "seccompProfile":
			c.SeccompProfileType = textIn(reader, "type")
		case "sysctls":
			c.Sysctls = items(reader, func(sysctl *string, reader *json.Reader) { *sysctl = textIn(reader, "name") })
		default:
			reader.Skip()
		}
	})
}

func (c *Container) readJSON(reader *json.Reader) {
	reader.Object(func(name string) {
		switch name {
		case "name":
			c.Name = reader.String()
		case "image":
			c.Image = reader.String()
		case "ports":
			reader.Array(func() { c.readPort(reader) })
		case "securityContext":
			c.SecurityContext.readJSON(reader)
		default:
			reader.Skip()
		}
	})
}

func (c *Container) readPort(reader *json.Reader) {
	reader.Object(func(name string) {
		if name != "hostPort" {
			reader.Skip()
		} else if err := c.addPort(reader.Int()); err != nil {
			reader.Fail(err)
		}
	})
}

func (c *SecurityContext) readJSON(reader *json.Reader) {
	reader.Object(func(name string) {
		switch name {
		case "privileged":
			c.Privileged = reader.Bool()
		case "allowPrivilegeEscalation":
			c.AllowPrivilegeEscalation = unlessNull(reader, reader.Bool)
		case "runAsNonRoot":
			c.RunAsNonRoot = unlessNull(reader, reader.Bool)
		case "runAsUser":
			c.RunAsUser = unlessNull(reader, reader.Int)
		case "readOnlyRootFilesystem":
			c.ReadOnlyRootFilesystem = reader.Bool()
		case "capabilities":
			c.Capabilities.readJSON(reader)
		case "seccompProfile":
			c.SeccompProfileType = textIn(reader, "type")
		case "procMount":
			c.ProcMount = reader.String()
		default:
			reader.Skip()
		}
	})
}

func (c *Capabilities) readJSON(reader *json.Reader) {
	reader.Object(func(name string) {
		switch name {
		case "add":
			c.Add = items(reader, readString)
		case "drop":
			c.Drop = items(reader, readString)
		default:
			reader.Skip()
		}
	})
}

func (v *Volume) readJSON(reader *json.Reader) {
	reader.Object(func(name string) {
		switch {
		case name == "name":
			v.Name = reader.String()
		case slices.Contains(sources[1:], name) && reader.Kind() != json.Null:
			v.readSource(reader, name)
		default:
			reader.Skip()
		}
	})
}

func (v *Volume) readSource(reader *json.Reader, source string) {
	if err := v.setSource(source); err != nil {
		reader.Fail(err)
	}
	reader.Object(func(name string) {
		if source == "hostPath" && name == "path" {
			v.HostPath = reader.String()
		} else {
			reader.Skip()
		}
	})
}

func items[T any](reader *json.Reader, read func(*T, *json.Reader)) []T {
	var list []T
	reader.Array(func() {
		var item T
		read(&item, reader)
		list = append(list, item)
	})
	return list
}

func readString(text *string, reader *json.Reader) { *text = reader.String() }

// The text in one member of an object.
func textIn(reader *json.Reader, member string) (text string) {
	reader.Object(func(name string) {
		if name == member {
			text = reader.String()
		} else {
			reader.Skip()
		}
	})
	return text
}

// What read takes; nil for null, which it takes itself.
func unlessNull[T any](reader *json.Reader, read func() T) *T {
	if reader.Kind() == json.Null {
		reader.Skip()
		return nil
	}
	value := read()
	return &value
}
