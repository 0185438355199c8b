package kubernetes

import (
	"reflect"
	"strings"
	"testing"
)

const secretJSON = `{
	"kind": "Secret", "apiVersion": "v1", "type": "Opaque", "immutable": true,
	"metadata": {"name": "login", "namespace": "default", "uid": "x", "labels": {"team": "a", "empty": ""},
		"annotations": {"note": "caf\u00e9 \"\ud83d\ude00\""}, "managedFields": [{"fieldsV1": {"f:data": {}}}]},
	"data": {"user": "cm9vdA==", "long": "YWJjZGVm", "none": ""}}`

var secretProtobuf = envelope("v1", "Secret",
	field(1, field(1, "login"), field(3, "default"), field(5, "x"), entryOf(11, "team", "a"), entryOf(11, "empty", ""),
		entryOf(12, "note", "café \"😀\"")),
	entryOf(2, "user", "root"), entryOf(2, "long", "abcdef"), field(2, field(1, "none")), field(3, "Opaque"), flag(5))

const configMapJSON = `{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"app","deletionTimestamp":"2026-01-01T00:00:00Z"},
	"data":{"colour":"blue","lines":"a\nb"},"binaryData":{"logo":"AAH/"}}`

var configMapProtobuf = envelope("v1", "ConfigMap", field(1, field(1, "app"), field(9, "\x08\x01")),
	entryOf(2, "colour", "blue"), entryOf(2, "lines", "a\nb"), entryOf(3, "logo", "\x00\x01\xff"))

const podJSON = `{"kind":"Pod","apiVersion":"v1","metadata":{"name":"web","namespace":"default"},"spec":{
	"containers":[{"name":"web","image":"web:1","ports":[{"containerPort":80}]},{"name":"side","image":"side:2"}],
	"initContainers":[{"name":"init","image":"init:3"}],
	"ephemeralContainers":[{"name":"debug","image":"debug:4","targetContainerName":"web"}],
	"serviceAccountName":"robot","hostNetwork":true,"volumes":null},"status":{"phase":"Running"}}`

var podProtobuf = envelope("v1", "Pod", field(1, field(1, "web"), field(3, "default")),
	field(2, field(2, field(1, "web"), field(2, "web:1"), field(6)), field(2, field(1, "side"), field(2, "side:2")),
		field(8, "robot"), flag(11), field(20, field(1, "init"), field(2, "init:3")),
		field(34, field(1, field(1, "debug"), field(2, "debug:4")), field(2, "web"))),
	field(3, field(1, "Running")))

func parsed(t *testing.T, value []byte) (*Object, any) {
	t.Helper()
	object, err := Read(value)
	if err != nil {
		t.Fatal(err)
	}
	var typed any
	switch object.Kind {
	case "Secret":
		typed, err = object.Secret()
	case "ConfigMap":
		typed, err = object.ConfigMap()
	case "Pod":
		typed, err = object.Pod()
	}
	if err != nil {
		t.Fatal(err)
	}
	return object, typed
}

func TestBothEncodingsReadTheSame(t *testing.T) {
	wanted := []struct {
		json     string
		protobuf []byte
		metadata Metadata
		typed    any
	}{
		{secretJSON, secretProtobuf,
			Metadata{"login", "default", map[string]string{"team": "a", "empty": ""}, map[string]string{"note": "café \"😀\""}, false},
			&Secret{"Opaque", map[string][]byte{"user": []byte("root"), "long": []byte("abcdef"), "none": {}}}},
		{configMapJSON, configMapProtobuf,
			Metadata{Name: "app", Deleting: true},
			&ConfigMap{map[string]string{"colour": "blue", "lines": "a\nb"}, map[string][]byte{"logo": {0, 1, 255}}}},
		{podJSON, podProtobuf,
			Metadata{Name: "web", Namespace: "default"},
			&Pod{Containers: []Container{{Name: "web", Image: "web:1"}, {Name: "side", Image: "side:2"}},
				InitContainers:      []Container{{Name: "init", Image: "init:3"}},
				EphemeralContainers: []Container{{Name: "debug", Image: "debug:4"}},
				ServiceAccountName:  "robot", HostNetwork: true}},
		{securedJSON, securedProtobuf, Metadata{}, &secured},
	}
	for _, want := range wanted {
		for _, value := range [][]byte{[]byte(want.json), want.protobuf} {
			object, typed := parsed(t, value)
			if !reflect.DeepEqual(object.Metadata, want.metadata) {
				t.Errorf("%q: metadata %+v", value, object.Metadata)
			}
			if !reflect.DeepEqual(typed, want.typed) {
				t.Errorf("%q: %+v", value, typed)
			}
		}
	}
}

func TestOtherKindsHaveMetadata(t *testing.T) {
	for _, value := range [][]byte{
		[]byte(`{"apiVersion":"example.org/v2","kind":"Boat","metadata":{"name":"b","labels":{"a":"1"}},"spec":[1.5e3,null]}`),
		envelope("example.org/v2", "Boat", field(1, field(1, "b"), entryOf(11, "a", "1")), field(2, "anything")),
	} {
		object, err := Read(value)
		if err != nil {
			t.Fatal(err)
		}
		if !object.Is("example.org/v2", "Boat") || object.Metadata.Name != "b" || object.Metadata.Labels["a"] != "1" {
			t.Errorf("%+v", object)
		}
		if _, err := object.Secret(); err != errOther {
			t.Errorf("read as a Secret: %v", err)
		}
	}
}

func TestNothingThatIsCutOffReads(t *testing.T) {
	for _, whole := range [][]byte{[]byte(secretJSON), []byte(podJSON), []byte(securedJSON)} {
		for end := range whole {
			if _, err := Read(whole[:end]); err == nil {
				t.Errorf("%q was read", whole[:end])
			}
		}
	}
	// A message may end after any of its fields, so here some prefixes are objects; none may crash.
	for _, whole := range [][]byte{secretProtobuf, configMapProtobuf, podProtobuf, securedProtobuf} {
		for end := range whole {
			object, err := Read(whole[:end])
			if err != nil {
				continue
			}
			object.Secret()
			object.ConfigMap()
			object.Pod()
		}
		object, err := Read(whole[:len(whole)-6])
		if err == nil {
			t.Errorf("read without its end: %+v", object)
		}
	}
}

func TestHostileBytesAreErrors(t *testing.T) {
	deep := strings.Repeat(`[`, 100_000)
	for _, value := range []string{
		"", "null", "[]", `"text"`, "{}", "plain text", "kind: Secret", "k8s", magic, magic + "\x0a",
		`{"apiVersion":"v1"}`, `{"kind":"Pod"}`, `{"apiVersion":1,"kind":"Pod"}`,
		`{"apiVersion":"v1","kind":"Pod"} x`, `{"apiVersion":"v1","kind":"Pod",}`,
		`{"apiVersion":"v1","kind":"Pod","kind":"Secret"}`, `{"apiVersion":"v1","kind":"Pod","ki\u006ed":"Secret"}`,
		`{"apiVersion":"v1","kind":"Pod","metadata":[]}`, `{"apiVersion":"v1","kind":"Pod","metadata":{"labels":{"a":1}}}`,
		`{"apiVersion":"v1","kind":"Pod","spec":` + deep, `{"apiVersion":"v1","kind":"Pod","x":"` + "\xff" + `"}`,
		`{"apiVersion":"v1","kind":"Pod","x":01}`, `{"apiVersion":"v1","kind":"Pod","x":"\q"}`, `{"apiVersion":"v1","kind":"Pod","x":"\u12g4"}`,
		magic + strings.Repeat("\xff", 20), magic + "\x00\x00", magic + "\x0b", magic + "\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
		string(envelope("v1", "")), string(envelope("v1", "Pod", "\x08\x01")), string(envelope("v1", "Pod", field(1, "\x08\x01"))),
		string(envelope("v1", "\xff")), magic + field(1, field(1, "v1"), field(2, "Pod")) + field(3, "gzip"),
	} {
		if object, err := Read([]byte(value)); err == nil {
			t.Errorf("%.80q was read: %+v", value, object)
		}
	}
}

func TestWrongContentsAreErrors(t *testing.T) {
	for _, data := range []string{`{"a":"%"}`, `{"a":"YQ"}`, `{"a":"YQ="}`, `{"a":"Y==="}`, `{"a":"YQ==YQ=="}`, `{"a":1}`, `"a"`} {
		object, err := Read([]byte(`{"apiVersion":"v1","kind":"Secret","data":` + data + `}`))
		if err != nil {
			t.Fatal(err)
		}
		if secret, err := object.Secret(); err == nil {
			t.Errorf("%s was read: %+v", data, secret)
		}
	}
	for _, spec := range []string{"\x58", "\x10\x01", field(11, "x"), field(2, "\x08\x01"), field(34, field(1, "\xff"))} {
		object, err := Read(envelope("v1", "Pod", field(2, spec)))
		if err != nil {
			t.Fatal(err)
		}
		if pod, err := object.Pod(); err == nil {
			t.Errorf("%q was read: %+v", spec, pod)
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, seed := range [][]byte{[]byte(secretJSON), secretProtobuf, []byte(configMapJSON), configMapProtobuf, []byte(podJSON), podProtobuf,
		[]byte(securedJSON), securedProtobuf} {
		f.Add(seed)
	}
	f.Fuzz(func(_ *testing.T, value []byte) {
		if object, err := Read(value); err == nil {
			object.Secret()
			object.ConfigMap()
			object.Pod()
		}
	})
}
