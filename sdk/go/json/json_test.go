package json

import (
	stdjson "encoding/json"
	"strings"
	"testing"
)

func skipped(text string) error {
	reader := NewReader([]byte(text))
	reader.Skip()
	return reader.End()
}

func TestTheSameTextsAreValidAsInTheStandardLibrary(t *testing.T) {
	parts := []string{"{", "}", "[", "]", ",", ":", `"a"`, `"\n"`, `"\x"`, "1", "-0", "01", "1.", "1e+5", ".5", "null", "nul", "true", " ", "'"}
	check := func(text string) {
		if valid := skipped(text) == nil; valid != stdjson.Valid([]byte(text)) {
			t.Errorf("%q: valid here %v", text, valid)
		}
	}
	for _, a := range parts {
		for _, b := range parts {
			for _, c := range parts {
				for _, d := range parts {
					check(a + b + c + d)
				}
				check("[" + a + b + c + "]")
				check(`{"k":` + a + b + c + "}")
			}
		}
	}
}

func TestStringsReadAsInTheStandardLibrary(t *testing.T) {
	for _, text := range []string{
		`""`, `"plain"`, `"\"\\\/\b\f\n\r\t"`, `"\u00e9\u20AC"`, `"\ud83d\ude00"`, `"\ud83d"`, `"\ud83dx"`, `"\ude00\ud83d"`,
		`"\ud83d\u0041"`, `"é😀"`, `"\u0000"`, `"a\\u0041"`,
	} {
		var wanted string
		if err := stdjson.Unmarshal([]byte(text), &wanted); err != nil {
			t.Fatal(err)
		}
		reader := NewReader([]byte(text))
		if got := reader.String(); got != wanted || reader.End() != nil {
			t.Errorf("%s: %q, %v", text, got, reader.End())
		}
	}
}

func TestWholeNumbersReadAsInTheStandardLibrary(t *testing.T) {
	for _, text := range []string{
		"0", "-0", "-1", " 42 ", "null", "9223372036854775807", "9223372036854775808", "-9223372036854775808", "1.0", "1e3", "01", "-",
		"", `"1"`, "true", "[]", "0x1", "1_0", "+1",
	} {
		var wanted int64
		err := stdjson.Unmarshal([]byte(text), &wanted)
		reader := NewReader([]byte(text))
		if got := reader.Int(); (reader.End() == nil) != (err == nil) || err == nil && got != wanted {
			t.Errorf("%q: %d, %v; there %d, %v", text, got, reader.End(), wanted, err)
		}
	}
}

func TestManyMembersOfOneName(t *testing.T) {
	for _, count := range []int{1, 2, fewMax, fewMax + 1, fewMax + 2, 500} {
		var members []string
		for i := range count {
			members = append(members, `"`+strings.Repeat("n", i+1)+`":1`)
		}
		for _, more := range []string{"", members[0], members[count-1]} {
			text := "{" + strings.Join(append(members, more), ",") + "}"
			if more == "" {
				text = "{" + strings.Join(members, ",") + "}"
			}
			reader := NewReader([]byte(text))
			reader.Object(func(string) { reader.Skip() })
			if refused := reader.End() != nil; refused != (more != "") {
				t.Errorf("%d members and %q: refused %v", count, more, refused)
			}
		}
	}
}

func TestDepthIsBounded(t *testing.T) {
	if err := skipped(strings.Repeat("[", depthMax) + strings.Repeat("]", depthMax)); err != nil {
		t.Error(err)
	}
	if skipped(strings.Repeat("[", depthMax+1)+strings.Repeat("]", depthMax+1)) == nil {
		t.Error("a level too many was read")
	}
}

func TestWhoTakesNothingGetsAnError(t *testing.T) {
	reader := NewReader([]byte(`{"a":1,"b":2}`))
	reader.Object(func(string) {})
	if reader.End() == nil {
		t.Error("values that nobody took were passed over")
	}
}
