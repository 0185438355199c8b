package kubernetes

import "strongroom/plugin/internal/protobuf"

func (inProtobuf) readPod(body []byte, pod *Pod) error { return visit(body, 2, pod.readProtobuf) }

func (p *Pod) readProtobuf(field protobuf.Field) error {
	switch field.Number {
	case 1:
		return appendVolume(field, &p.Volumes)
	case 2:
		return appendContainer(field, &p.Containers)
	case 8:
		return text(field, &p.ServiceAccountName)
	case 10:
		return text(field, &p.NodeName)
	case 11:
		return boolean(field, &p.HostNetwork)
	case 12:
		return boolean(field, &p.HostPID)
	case 13:
		return boolean(field, &p.HostIPC)
	case 14:
		return fields(field, p.SecurityContext.readProtobuf)
	case 20:
		return appendContainer(field, &p.InitContainers)
	case 21:
		return optional(field, boolean, &p.AutomountServiceAccountToken)
	case 34:
		return appendEphemeral(field, &p.EphemeralContainers)
	}
	return nil
}

func (c *PodSecurityContext) readProtobuf(field protobuf.Field) error {
	switch field.Number {
	case 2:
		return optional(field, integer, &c.RunAsUser)
	case 3:
		return optional(field, boolean, &c.RunAsNonRoot)
	case 7:
		return appendSysctl(field, &c.Sysctls)
	case 10:
		return textOf(field, 1, &c.SeccompProfileType)
	}
	return nil
}

func appendSysctl(field protobuf.Field, names *[]string) error {
	var name string
	err := textOf(field, 1, &name)
	*names = append(*names, name)
	return err
}

func appendContainer(field protobuf.Field, list *[]Container) error {
	var container Container
	err := fields(field, container.readProtobuf)
	*list = append(*list, container)
	return err
}

// What an ephemeral container has in common with others is a message of its own in it.
func appendEphemeral(field protobuf.Field, list *[]Container) error {
	var container Container
	err := message(field, func() error { return visit(field.Bytes, 1, container.readProtobuf) })
	*list = append(*list, container)
	return err
}

func (c *Container) readProtobuf(field protobuf.Field) error {
	switch field.Number {
	case 1:
		return text(field, &c.Name)
	case 2:
		return text(field, &c.Image)
	case 6:
		return c.appendPort(field)
	case 15:
		return fields(field, c.SecurityContext.readProtobuf)
	}
	return nil
}

func (c *Container) appendPort(field protobuf.Field) error {
	var port int64
	err := fields(field, func(field protobuf.Field) error {
		if field.Number == 2 {
			return integer(field, &port)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return c.addPort(port)
}

func (c *SecurityContext) readProtobuf(field protobuf.Field) error {
	switch field.Number {
	case 1:
		return fields(field, c.Capabilities.readProtobuf)
	case 2:
		return boolean(field, &c.Privileged)
	case 4:
		return optional(field, integer, &c.RunAsUser)
	case 5:
		return optional(field, boolean, &c.RunAsNonRoot)
	case 6:
		return boolean(field, &c.ReadOnlyRootFilesystem)
	case 7:
		return optional(field, boolean, &c.AllowPrivilegeEscalation)
	case 9:
		return text(field, &c.ProcMount)
	case 11:
		return textOf(field, 1, &c.SeccompProfileType)
	}
	return nil
}

func (c *Capabilities) readProtobuf(field protobuf.Field) error {
	switch field.Number {
	case 1:
		return appendText(field, &c.Add)
	case 2:
		return appendText(field, &c.Drop)
	}
	return nil
}

func appendVolume(field protobuf.Field, list *[]Volume) error {
	var volume Volume
	err := fields(field, func(field protobuf.Field) error {
		switch field.Number {
		case 1:
			return text(field, &volume.Name)
		case 2:
			return fields(field, volume.readSourceProtobuf)
		}
		return nil
	})
	*list = append(*list, volume)
	return err
}

func (v *Volume) readSourceProtobuf(field protobuf.Field) error {
	if field.Number >= uint64(len(sources)) {
		return nil
	}
	source := sources[field.Number]
	if err := v.setSource(source); err != nil {
		return err
	}
	if source == "hostPath" {
		return textOf(field, 1, &v.HostPath)
	}
	return fields(field, func(protobuf.Field) error { return nil })
}
