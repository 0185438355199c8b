// Package kubernetes reads objects as Kubernetes stores them: as JSON, or in its protobuf envelope.
//
// The same object reads the same in both. It is not a client library: it knows what policies ask most, which is the kind and
// the metadata of every object and some of a Secret, a ConfigMap and a Pod. Whatever the bytes are, it gives an object or an
// error; errors say what is wrong and never quote the bytes.
package kubernetes

import "bytes"

// Object is what all kinds have in common.
type Object struct {
	APIVersion string
	Kind       string
	Metadata   Metadata

	encoding encoding
	body     []byte
}

// Metadata of an object.
type Metadata struct {
	Name        string
	Namespace   string
	Labels      map[string]string
	Annotations map[string]string
	// Deleting tells that the object was deleted and only waits for its finalizers.
	Deleting bool
}

type encoding interface {
	readSecret(body []byte, secret *Secret) error
	readConfigMap(body []byte, configMap *ConfigMap) error
	readPod(body []byte, pod *Pod) error
}

type mistake string

func (m mistake) Error() string { return string(m) }

const (
	errNoObject mistake = "this is no Kubernetes object"
	errOther    mistake = "the object is of another kind"
	errEncoding mistake = "the object has a content encoding that is not known"
	errBase64   mistake = "malformed base64"
	errText     mistake = "a text is not UTF-8"
	errWire     mistake = "malformed protobuf: a field has the encoding of another type"
	errPort     mistake = "a port has more than 32 bits"
	errSources  mistake = "a volume has two sources"
)

// Read reads a value as it is stored.
func Read(value []byte) (*Object, error) {
	object := new(Object)
	var err error
	if envelope, found := bytes.CutPrefix(value, []byte(magic)); found {
		object.encoding = inProtobuf{}
		err = object.readEnvelope(envelope)
	} else {
		object.encoding = inJSON{}
		object.body = value
		err = object.readJSON()
	}
	if err != nil {
		return nil, err
	}
	if object.APIVersion == "" || object.Kind == "" {
		return nil, errNoObject
	}
	return object, nil
}

// Is tells whether the object is of a kind of an API version ("v1", "apps/v1").
func (o *Object) Is(apiVersion, kind string) bool {
	return o.APIVersion == apiVersion && o.Kind == kind
}

// Secret is a secret's type and data.
type Secret struct {
	Type string
	// Data is not base64 any more.
	Data map[string][]byte
}

// ConfigMap is the data of a ConfigMap.
type ConfigMap struct {
	Data       map[string]string
	BinaryData map[string][]byte
}

// Secret reads the object as one; it is an error if it is something else.
func (o *Object) Secret() (*Secret, error) {
	secret := new(Secret)
	return readAs(o, "Secret", secret, o.encoding.readSecret)
}

// ConfigMap reads the object as one; it is an error if it is something else.
func (o *Object) ConfigMap() (*ConfigMap, error) {
	configMap := new(ConfigMap)
	return readAs(o, "ConfigMap", configMap, o.encoding.readConfigMap)
}

// Pod reads the object as one; it is an error if it is something else.
func (o *Object) Pod() (*Pod, error) {
	pod := new(Pod)
	return readAs(o, "Pod", pod, o.encoding.readPod)
}

func readAs[T any](o *Object, kind string, into *T, read func([]byte, *T) error) (*T, error) {
	if !o.Is("v1", kind) {
		return nil, errOther
	}
	if err := read(o.body, into); err != nil {
		return nil, err
	}
	return into, nil
}

// Adds to a map that may not be there yet.
func put[V any](entries *map[string]V, name string, value V) {
	if *entries == nil {
		*entries = make(map[string]V)
	}
	(*entries)[name] = value
}
