package kubernetes

import "strongroom/plugin/json"

type inJSON struct{}

func (o *Object) readJSON() error {
	return members(o.body, func(reader *json.Reader, name string) {
		switch name {
		case "apiVersion":
			o.APIVersion = reader.String()
		case "kind":
			o.Kind = reader.String()
		case "metadata":
			o.Metadata.readJSON(reader)
		default:
			reader.Skip()
		}
	})
}

func (m *Metadata) readJSON(reader *json.Reader) {
	reader.Object(func(name string) {
		switch name {
		case "name":
			m.Name = reader.String()
		case "namespace":
			m.Namespace = reader.String()
		case "labels":
			m.Labels = texts(reader)
		case "annotations":
			m.Annotations = texts(reader)
		case "deletionTimestamp":
			m.Deleting = reader.String() != ""
		default:
			reader.Skip()
		}
	})
}

func (inJSON) readSecret(body []byte, secret *Secret) error {
	return members(body, func(reader *json.Reader, name string) {
		switch name {
		case "type":
			secret.Type = reader.String()
		case "data":
			secret.Data = binaries(reader)
		default:
			reader.Skip()
		}
	})
}

func (inJSON) readConfigMap(body []byte, configMap *ConfigMap) error {
	return members(body, func(reader *json.Reader, name string) {
		switch name {
		case "data":
			configMap.Data = texts(reader)
		case "binaryData":
			configMap.BinaryData = binaries(reader)
		default:
			reader.Skip()
		}
	})
}

func members(text []byte, member func(reader *json.Reader, name string)) error {
	reader := json.NewReader(text)
	reader.Object(func(name string) { member(reader, name) })
	return reader.End()
}

func texts(reader *json.Reader) map[string]string {
	var entries map[string]string
	reader.Object(func(name string) { put(&entries, name, reader.String()) })
	return entries
}

func binaries(reader *json.Reader) map[string][]byte {
	var entries map[string][]byte
	reader.Object(func(name string) {
		data, err := decodeBase64(reader.String())
		if err != nil {
			reader.Fail(err)
		}
		put(&entries, name, data)
	})
	return entries
}

// Standard base64 with padding; line ends in it do not count.
func decodeBase64(text string) ([]byte, error) {
	data := make([]byte, 0, len(text)/4*3)
	var bits uint32
	count, padding := 0, 0
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c == '\r' || c == '\n' {
			continue
		}
		sextet, valid := sextetOf(c)
		switch {
		case c == '=' && count%4 >= 2:
			padding++
		case !valid || padding > 0:
			return nil, errBase64
		}
		bits = bits<<6 | sextet
		if count++; count%4 == 0 {
			data = append(data, byte(bits>>16), byte(bits>>8), byte(bits))
		}
	}
	if count%4 != 0 {
		return nil, errBase64
	}
	return data[:len(data)-padding], nil
}

func sextetOf(c byte) (sextet uint32, valid bool) {
	switch {
	case 'A' <= c && c <= 'Z':
		return uint32(c - 'A'), true
	case 'a' <= c && c <= 'z':
		return uint32(c-'a') + 26, true
	case '0' <= c && c <= '9':
		return uint32(c-'0') + 52, true
	case c == '+':
		return 62, true
	case c == '/':
		return 63, true
	}
	return 0, false
}
