// etcd as it is, for the conformance cases to compare with. Its module has the version; see build.sh.
package main

import (
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
)

func main() { etcdmain.Main(os.Args) }
