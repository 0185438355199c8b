// Command vectors prints values as kube-apiserver's own code encrypts them, for the tests of what opens them:
//
//	go run ./vectors > ../../../host/seal/src/kubernetes/vectors.txt
//
// What a line has is in the lines of head.
package main

import (
	"bytes"
	"context"
	"crypto/aes"
	"fmt"
	"strconv"

	"k8s.io/apiserver/pkg/storage/value"
	aestransformer "k8s.io/apiserver/pkg/storage/value/encrypt/aes"
	"k8s.io/apiserver/pkg/storage/value/encrypt/envelope/kmsv2"
	"k8s.io/apiserver/pkg/storage/value/encrypt/secretbox"
	"k8s.io/kms/pkg/service"
)

const head = `# Values as k8s.io/apiserver v0.37.2 encrypts them, made by tests/clients/kubernetes/vectors.
# Scheme, name of the key, plain text, stored value; the last two in hex. Keys are the bytes 0, 1, 2, ... as long as the name says;
# the plugin's are XORed with the same. The key in etcd is /registry/secrets/default/vector.
`

const path = "/registry/secrets/default/vector"

// plugin stands in for a KMS.
type plugin struct{}

func (plugin) Encrypt(_ context.Context, _ string, data []byte) (*service.EncryptResponse, error) {
	annotations := map[string][]byte{"note.kms.example": []byte("a note")}
	return &service.EncryptResponse{Ciphertext: padded(data), KeyID: "key-1", Annotations: annotations}, nil
}

func (plugin) Decrypt(_ context.Context, _ string, request *service.DecryptRequest) ([]byte, error) {
	return padded(request.Ciphertext), nil
}

func (plugin) Status(context.Context) (*service.StatusResponse, error) {
	return &service.StatusResponse{Version: "v2", Healthz: "ok", KeyID: "key-1"}, nil
}

func padded(data []byte) []byte {
	text := counting(len(data))
	for at := range text {
		text[at] ^= data[at]
	}
	return text
}

func counting(length int) []byte {
	text := make([]byte, length)
	for at := range text {
		text[at] = byte(at)
	}
	return text
}

func must[T any](made T, err error) T {
	if err != nil {
		panic(err)
	}
	return made
}

func write(scheme, name string, transformer value.Transformer, plain []byte) {
	ctx, place := context.Background(), value.DefaultContext(path)
	data := must(transformer.TransformToStorage(ctx, plain, place))
	opened, _, err := transformer.TransformFromStorage(ctx, data, place)
	if err != nil || !bytes.Equal(opened, plain) {
		panic("it does not open")
	}
	prefix := "k8s:enc:" + scheme + ":" + name + ":"
	fmt.Printf("%s %s %x %x%x\n", scheme, name, plain, prefix, data)
}

// envelope makes what kube-apiserver makes at its start: a key that the plugin encrypts.
func envelope(derives bool) value.Transformer {
	transformer, object, cacheKey, err := kmsv2.GenerateTransformer(context.Background(), "uid", plugin{}, derives)
	if err != nil {
		panic(err)
	}
	state := kmsv2.State{
		Transformer:                           transformer,
		EncryptedObjectKeyID:                  object.KeyID,
		EncryptedObjectEncryptedDEKSource:     object.EncryptedDEKSource,
		EncryptedObjectAnnotations:            object.Annotations,
		EncryptedObjectEncryptedDEKSourceType: object.EncryptedDEKSourceType,
		UID:                                   "uid",
		ExpirationTimestamp:                   kmsv2.GetNowFunc("cloud")().AddDate(1, 0, 0),
		CacheKey:                              cacheKey,
	}
	return kmsv2.NewEnvelopeTransformer(plugin{}, "cloud", func() (kmsv2.State, error) { return state, nil }, "server")
}

func main() {
	fmt.Print(head)
	object := append([]byte("k8s\x00"), bytes.Repeat([]byte("canarythatkubernetesencrypted "), 9)...)
	for _, plain := range [][]byte{{}, []byte("a"), []byte("sixteen bytes ok"), object} {
		for _, size := range []int{16, 24, 32} {
			block, name := must(aes.NewCipher(counting(size))), "key"+strconv.Itoa(size)
			write("aesgcm:v1", name, must(aestransformer.NewGCMTransformer(block)), plain)
			write("aescbc:v1", name, aestransformer.NewCBCTransformer(block), plain)
		}
		write("secretbox:v1", "key32", secretbox.NewSecretboxTransformer([32]byte(counting(32))), plain)
		for _, derives := range []bool{false, true} {
			write("kms:v2", "cloud", envelope(derives), plain)
		}
	}
}
