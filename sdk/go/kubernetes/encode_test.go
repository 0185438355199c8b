package kubernetes

// Builds protobuf for the tests.

func field(number int, content ...string) string {
	length := 0
	for _, part := range content {
		length += len(part)
	}
	text := string(varint(number<<3|2)) + string(varint(length))
	for _, part := range content {
		text += part
	}
	return text
}

func flag(number int) string { return string(varint(number<<3)) + "\x01" }

func number(number int, value int64) string {
	return string(varint(number<<3)) + string(varint(value))
}

func varint[N int | int64](signed N) []byte {
	value := uint64(signed)
	var bytes []byte
	for ; value >= 0x80; value >>= 7 {
		bytes = append(bytes, byte(value)|0x80)
	}
	return append(bytes, byte(value))
}

func entryOf(number int, name, value string) string {
	return field(number, field(1, name), field(2, value))
}

func envelope(apiVersion, kind string, content ...string) []byte {
	return []byte(magic + field(1, field(1, apiVersion), field(2, kind)) + field(2, content...) + field(3) + field(4))
}
