package kubernetes

import (
	"math"
	"reflect"
	"strconv"
	"testing"
)

const securedJSON = `{"kind":"Pod","apiVersion":"v1","spec":{
	"volumes":[{"name":"run","hostPath":{"path":"/run","type":"Directory"}},{"name":"empty","emptyDir":{},"secret":null},
		{"name":"novel","quantumDisk":{}},{"name":"none"}],
	"containers":[{"name":"web","image":"web:1",
		"ports":[{"containerPort":80,"hostPort":8080},{"containerPort":81},{"hostPort":0},{"hostPort":53,"protocol":"UDP"}],
		"securityContext":{"privileged":true,"allowPrivilegeEscalation":true,"runAsNonRoot":false,"runAsUser":0,
			"readOnlyRootFilesystem":true,"capabilities":{"add":["NET_ADMIN","SYS_TIME"],"drop":["ALL"]},
			"seccompProfile":{"type":"Localhost","localhostProfile":"web.json"},"procMount":"Unmasked"}},
		{"name":"side","image":"side:2","securityContext":{"privileged":null,"runAsUser":null,"capabilities":{}}}],
	"initContainers":[{"name":"init","image":"init:3",
		"securityContext":{"allowPrivilegeEscalation":false,"runAsNonRoot":true,"runAsUser":9007199254740991}}],
	"ephemeralContainers":[{"name":"debug","image":"debug:4","ports":[{"hostPort":9}],
		"securityContext":{"privileged":true},"targetContainerName":"web"}],
	"serviceAccountName":"robot","automountServiceAccountToken":false,"nodeName":"node-1",
	"hostNetwork":false,"hostPID":true,"hostIPC":true,
	"securityContext":{"runAsNonRoot":true,"runAsUser":1000,"fsGroup":2000,"seccompProfile":{"type":"RuntimeDefault"},
		"sysctls":[{"name":"kernel.shm_rmid_forced","value":"0"},{"name":"net.core.somaxconn","value":"1024"}]}}}`

var securedProtobuf = envelope("v1", "Pod", field(2,
	field(1, field(1, "run"), field(2, field(1, field(1, "/run"), field(2, "Directory")))),
	field(1, field(1, "empty"), field(2, field(2))),
	field(1, field(1, "novel"), field(2, field(99))),
	field(1, field(1, "none"), field(2)),
	field(2, field(1, "web"), field(2, "web:1"),
		field(6, number(2, 8080), number(3, 80)), field(6, number(2, 0), number(3, 81)), field(6, number(2, 0)),
		field(6, number(2, 53), field(4, "UDP")),
		field(15, field(1, field(1, "NET_ADMIN"), field(1, "SYS_TIME"), field(2, "ALL")), flag(2), number(4, 0), number(5, 0),
			flag(6), flag(7), field(9, "Unmasked"), field(11, field(1, "Localhost"), field(2, "web.json")))),
	field(2, field(1, "side"), field(2, "side:2"), field(15, field(1))),
	field(8, "robot"), field(10, "node-1"), number(11, 0), flag(12), flag(13),
	field(14, number(2, 1000), flag(3), number(5, 2000), field(7, field(1, "kernel.shm_rmid_forced"), field(2, "0")),
		field(7, field(1, "net.core.somaxconn"), field(2, "1024")), field(10, field(1, "RuntimeDefault"))),
	field(20, field(1, "init"), field(2, "init:3"), field(15, number(4, 9007199254740991), flag(5), number(7, 0))),
	number(21, 0),
	field(34, field(1, field(1, "debug"), field(2, "debug:4"), field(6, number(2, 9)), field(15, flag(2))), field(2, "web"))))

var secured = Pod{
	Containers: []Container{
		{"web", "web:1", []int32{8080, 53}, SecurityContext{
			true, new(true), new(false), new(int64(0)), true,
			Capabilities{[]string{"NET_ADMIN", "SYS_TIME"}, []string{"ALL"}}, "Localhost", "Unmasked"}},
		// What it does not say is nil.
		{Name: "side", Image: "side:2"},
	},
	InitContainers: []Container{{Name: "init", Image: "init:3", SecurityContext: SecurityContext{
		AllowPrivilegeEscalation: new(false), RunAsNonRoot: new(true), RunAsUser: new(int64(9007199254740991))}}},
	EphemeralContainers: []Container{
		{Name: "debug", Image: "debug:4", HostPorts: []int32{9}, SecurityContext: SecurityContext{Privileged: true}}},
	ServiceAccountName: "robot", AutomountServiceAccountToken: new(false), NodeName: "node-1", HostPID: true, HostIPC: true,
	Volumes: []Volume{{"run", "hostPath", "/run"}, {"empty", "emptyDir", ""}, {"novel", "", ""}, {"none", "", ""}},
	SecurityContext: PodSecurityContext{
		new(true), new(int64(1000)), "RuntimeDefault", []string{"kernel.shm_rmid_forced", "net.core.somaxconn"}},
}

func pods(spec string, protobuf ...string) [][]byte {
	return [][]byte{[]byte(`{"apiVersion":"v1","kind":"Pod","spec":` + spec + `}`), envelope("v1", "Pod", field(2, protobuf...))}
}

func podOf(t *testing.T, value []byte) *Pod {
	t.Helper()
	_, typed := parsed(t, value)
	return typed.(*Pod)
}

func TestWhatAPodDoesNotSayIsNil(t *testing.T) {
	for _, value := range pods(`{"automountServiceAccountToken":null,"securityContext":{"runAsNonRoot":null,"runAsUser":null},
		"containers":[{"ports":null,"securityContext":null}]}`, field(2), field(14)) {
		if pod := podOf(t, value); !reflect.DeepEqual(pod, &Pod{Containers: []Container{{}}}) {
			t.Errorf("%q: %+v", value, pod)
		}
	}
}

func TestEverySourceHasItsName(t *testing.T) {
	for number, source := range sources[1:] {
		want := Volume{Source: source}
		if source == "hostPath" {
			want.HostPath = "/p"
		}
		for _, value := range pods(`{"volumes":[{"`+source+`":{"path":"/p"}}]}`, field(1, field(2, field(number+1, field(1, "/p"))))) {
			if volumes := podOf(t, value).Volumes; len(volumes) != 1 || volumes[0] != want {
				t.Errorf("%q: %+v", value, volumes)
			}
		}
	}
}

func TestPiecesOfAPodAreOne(t *testing.T) {
	pod := podOf(t, envelope("v1", "Pod", field(2,
		field(2, field(15, flag(2)), field(15, flag(7)), field(15, number(7, 0))),
		field(1, field(2, field(1)), field(2, field(1, field(1, "/run")))))))
	want := &Pod{
		Containers: []Container{{SecurityContext: SecurityContext{Privileged: true, AllowPrivilegeEscalation: new(false)}}},
		Volumes:    []Volume{{Source: "hostPath", HostPath: "/run"}},
	}
	if !reflect.DeepEqual(pod, want) {
		t.Errorf("%+v", pod)
	}
}

func TestNumbersAreThoseOfTheirField(t *testing.T) {
	for _, user := range []int64{0, -1, 7, math.MaxInt64} {
		digits := strconv.FormatInt(user, 10)
		for _, value := range pods(`{"securityContext":{"runAsUser":`+digits+`}}`, field(14, number(2, user))) {
			if found := podOf(t, value).SecurityContext.RunAsUser; found == nil || *found != user {
				t.Errorf("%q: %v", value, found)
			}
		}
	}
	for port, isRead := range map[int64]bool{-1: true, math.MaxInt32: true, 1 << 31: false, 1 << 32: false} {
		digits := strconv.FormatInt(port, 10)
		for _, value := range pods(`{"containers":[{"ports":[{"hostPort":`+digits+`}]}]}`, field(2, field(6, number(2, port)))) {
			object, err := Read(value)
			if err != nil {
				t.Fatal(err)
			}
			if pod, err := object.Pod(); (err == nil) != isRead {
				t.Errorf("%q: %+v, %v", value, pod, err)
			}
		}
	}
}

func TestWrongContentsOfAPodAreErrors(t *testing.T) {
	var values [][]byte
	inJSON := func(before, after string, specs ...string) {
		for _, spec := range specs {
			values = append(values, pods(before + spec + after)[0])
		}
	}
	inJSON("", "", `{"hostPID":"true"}`, `{"hostIPC":1}`, `{"automountServiceAccountToken":"false"}`, `{"nodeName":1}`,
		`{"volumes":{}}`, `{"volumes":[{"hostPath":"/run"}]}`, `{"volumes":[{"hostPath":{"path":1}}]}`, `{"volumes":[{"emptyDir":true}]}`,
		`{"volumes":[{"emptyDir":{},"hostPath":{}}]}`, `{"containers":[{"ports":{}}]}`, `{"containers":[{"ports":[{"hostPort":"80"}]}]}`)
	inJSON(`{"securityContext":`, `}`, `[]`, `{"runAsNonRoot":"true"}`, `{"runAsUser":"0"}`, `{"runAsUser":true}`,
		`{"runAsUser":1.0}`, `{"runAsUser":1e3}`, `{"runAsUser":9223372036854775808}`, `{"sysctls":["a"]}`,
		`{"seccompProfile":"RuntimeDefault"}`)
	inJSON(`{"containers":[{"securityContext":`, `}]}`, `{"privileged":"true"}`, `{"privileged":1}`,
		`{"privileged":false,"privileged":true}`, `{"allowPrivilegeEscalation":0}`, `{"readOnlyRootFilesystem":"yes"}`,
		`{"capabilities":["ALL"]}`, `{"capabilities":{"add":"ALL"}}`, `{"capabilities":{"drop":[1]}}`, `{"procMount":{}}`,
		`{"seccompProfile":{"type":1}}`)
	context := func(content string) string { return field(2, field(15, content)) }
	for _, spec := range []string{
		flag(1), field(12), field(13, "x"), field(21), flag(10), field(10, "\xff"), flag(14), field(14, field(2)), field(14, field(3)),
		field(14, flag(7)), field(14, field(10, flag(1))), field(1, flag(2)), field(1, field(2, flag(1))),
		field(1, field(2, field(2, "\x08"))), field(1, field(2, field(1), field(2))), field(1, field(2, field(1, flag(1)))),
		field(2, flag(6)), field(2, field(6, field(2))), field(2, flag(15)), context(flag(1)), context(field(1, flag(2))),
		context(field(2)), context(field(4)), context(field(5)), context(field(6)), context(field(7)), context(flag(9)),
		context(flag(11)), field(34, field(1, field(15, field(2)))),
	} {
		values = append(values, envelope("v1", "Pod", field(2, spec)))
	}
	for _, value := range values {
		object, err := Read(value)
		if err != nil {
			t.Fatalf("%q: %v", value, err)
		}
		if pod, err := object.Pod(); err == nil {
			t.Errorf("%q was read: %+v", value, pod)
		}
	}
}
