// Package protobuf takes messages apart, field by field.
package protobuf

// Wire is how a field's value is encoded.
type Wire uint8

const (
	Varint  Wire = 0
	Fixed64 Wire = 1
	Bytes   Wire = 2
	Fixed32 Wire = 5
)

// Field is one field of a message.
type Field struct {
	Number uint64
	Wire   Wire
	// Bytes of a field of wire type [Bytes].
	Bytes []byte
	// Varint of a field of wire type [Varint].
	Varint uint64
}

type malformed string

func (m malformed) Error() string { return "malformed protobuf: " + string(m) }

const (
	errTruncated malformed = "it ends within a field"
	errVarint    malformed = "a number is too long"
	errField     malformed = "a field has no number or an unknown encoding"
)

// Visit calls visit for every field of message, in their order, until it gives an error.
func Visit(message []byte, visit func(Field) error) error {
	for len(message) > 0 {
		field, rest, err := next(message)
		if err != nil {
			return err
		}
		if err := visit(field); err != nil {
			return err
		}
		message = rest
	}
	return nil
}

func next(message []byte) (Field, []byte, error) {
	tag, rest, err := varint(message)
	if err != nil {
		return Field{}, nil, err
	}
	field := Field{Number: tag >> 3, Wire: Wire(tag & 7)}
	if field.Number == 0 {
		return Field{}, nil, errField
	}
	length := uint64(0)
	switch field.Wire {
	case Varint:
		field.Varint, rest, err = varint(rest)
	case Bytes:
		length, rest, err = varint(rest)
	case Fixed64:
		length = 8
	case Fixed32:
		length = 4
	default:
		err = errField
	}
	if err == nil && length > uint64(len(rest)) {
		err = errTruncated
	}
	if err != nil {
		return Field{}, nil, err
	}
	if field.Wire == Bytes {
		field.Bytes = rest[:length]
	}
	return field, rest[length:], nil
}

func varint(bytes []byte) (uint64, []byte, error) {
	const bytesMax = 10
	var value uint64
	for i, b := range bytes {
		if i == bytesMax || i == bytesMax-1 && b > 1 {
			return 0, nil, errVarint
		}
		value |= uint64(b&0x7f) << (7 * i)
		if b < 0x80 {
			return value, bytes[i+1:], nil
		}
	}
	return 0, nil, errTruncated
}
