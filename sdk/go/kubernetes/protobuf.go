package kubernetes

import (
	"unicode/utf8"

	"strongroom/plugin/internal/protobuf"
)

// What stands before the envelope, a message runtime.Unknown. Field numbers in this file are those of the files
// generated.proto in kubernetes/apimachinery and kubernetes/api.
const magic = "k8s\x00"

type inProtobuf struct{}

func (o *Object) readEnvelope(envelope []byte) error {
	err := protobuf.Visit(envelope, func(field protobuf.Field) error {
		switch field.Number {
		case 1:
			return o.readType(field)
		case 2:
			return message(field, func() error { o.body = field.Bytes; return nil })
		case 3:
			if len(field.Bytes) > 0 {
				return errEncoding
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	// Metadata is the first field of every kind.
	return visit(o.body, 1, o.Metadata.readProtobuf)
}

func (o *Object) readType(field protobuf.Field) error {
	return message(field, func() error {
		return protobuf.Visit(field.Bytes, func(field protobuf.Field) error {
			switch field.Number {
			case 1:
				return text(field, &o.APIVersion)
			case 2:
				return text(field, &o.Kind)
			}
			return nil
		})
	})
}

func (m *Metadata) readProtobuf(field protobuf.Field) error {
	switch field.Number {
	case 1:
		return text(field, &m.Name)
	case 3:
		return text(field, &m.Namespace)
	case 9:
		return message(field, func() error { m.Deleting = true; return nil })
	case 11:
		return textEntry(field, &m.Labels)
	case 12:
		return textEntry(field, &m.Annotations)
	}
	return nil
}

func (inProtobuf) readSecret(body []byte, secret *Secret) error {
	return protobuf.Visit(body, func(field protobuf.Field) error {
		switch field.Number {
		case 2:
			return binaryEntry(field, &secret.Data)
		case 3:
			return text(field, &secret.Type)
		}
		return nil
	})
}

func (inProtobuf) readConfigMap(body []byte, configMap *ConfigMap) error {
	return protobuf.Visit(body, func(field protobuf.Field) error {
		switch field.Number {
		case 2:
			return textEntry(field, &configMap.Data)
		case 3:
			return binaryEntry(field, &configMap.BinaryData)
		}
		return nil
	})
}

// Visits the fields of the message in a field of body. If it is there twice, the two are one message, as protobuf has it.
func visit(body []byte, number uint64, inner func(protobuf.Field) error) error {
	return protobuf.Visit(body, func(field protobuf.Field) error {
		if field.Number != number {
			return nil
		}
		return fields(field, inner)
	})
}

// Visits the fields of the message in a field.
func fields(field protobuf.Field, inner func(protobuf.Field) error) error {
	return message(field, func() error { return protobuf.Visit(field.Bytes, inner) })
}

func message(field protobuf.Field, read func() error) error {
	if field.Wire != protobuf.Bytes {
		return errWire
	}
	return read()
}

func text(field protobuf.Field, into *string) error {
	return message(field, func() error {
		if !utf8.Valid(field.Bytes) {
			return errText
		}
		*into = string(field.Bytes)
		return nil
	})
}

// Reads a text in the message in a field.
func textOf(field protobuf.Field, number uint64, into *string) error {
	return fields(field, func(field protobuf.Field) error {
		if field.Number == number {
			return text(field, into)
		}
		return nil
	})
}

func appendText(field protobuf.Field, list *[]string) error {
	var item string
	err := text(field, &item)
	*list = append(*list, item)
	return err
}

func boolean(field protobuf.Field, into *bool) error {
	if field.Wire != protobuf.Varint {
		return errWire
	}
	*into = field.Varint != 0
	return nil
}

func integer(field protobuf.Field, into *int64) error {
	if field.Wire != protobuf.Varint {
		return errWire
	}
	*into = int64(field.Varint)
	return nil
}

// Reads a field that may be absent, which is not the same as its zero value.
func optional[T any](field protobuf.Field, read func(protobuf.Field, *T) error, into **T) error {
	*into = new(T)
	return read(field, *into)
}

// An entry of a map is a message with its name and its value.
func entry(field protobuf.Field, value func(protobuf.Field) error) (name string, err error) {
	err = message(field, func() error {
		return protobuf.Visit(field.Bytes, func(field protobuf.Field) error {
			switch field.Number {
			case 1:
				return text(field, &name)
			case 2:
				return value(field)
			}
			return nil
		})
	})
	return name, err
}

func textEntry(field protobuf.Field, entries *map[string]string) error {
	var value string
	name, err := entry(field, func(field protobuf.Field) error { return text(field, &value) })
	if err == nil {
		put(entries, name, value)
	}
	return err
}

func binaryEntry(field protobuf.Field, entries *map[string][]byte) error {
	value := []byte{}
	name, err := entry(field, func(field protobuf.Field) error {
		return message(field, func() error { value = append([]byte{}, field.Bytes...); return nil })
	})
	if err == nil {
		put(entries, name, value)
	}
	return err
}
