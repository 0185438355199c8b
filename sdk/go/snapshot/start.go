package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

const (
	startFunction = "_initialize"
	wasi          = "wasi_snapshot_preview1"
	errnoBadF     = 8
	errnoNoSys    = 52
)

// What the start left behind.
type state struct {
	globals []uint64
	memory  []byte
}

// Runs the start of a module whose first globals are exported by [globalName].
func start(ctx context.Context, text []byte, globals int) (state, error) {
	runtime := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter())
	defer runtime.Close(ctx)
	compiled, err := runtime.CompileModule(ctx, text)
	if err != nil {
		return state{}, err
	}
	if err := answerImports(ctx, runtime, compiled); err != nil {
		return state{}, err
	}
	instance, err := runtime.InstantiateModule(ctx, compiled, wazero.NewModuleConfig().WithStartFunctions())
	if err != nil {
		return state{}, err
	}
	function := instance.ExportedFunction(startFunction)
	if function == nil || instance.ExportedMemory("memory") == nil {
		return state{}, errors.New("it exports no " + startFunction + " or no memory; build it with -buildmode=c-shared")
	}
	if _, err := function.Call(ctx); err != nil {
		return state{}, fmt.Errorf("its start failed: %w", err)
	}
	var left state
	for i := range globals {
		left.globals = append(left.globals, instance.ExportedGlobal(globalName(i)).Get())
	}
	memory := instance.ExportedMemory("memory")
	bytes, _ := memory.Read(0, memory.Size())
	left.memory = append(left.memory, bytes...)
	return left, nil
}

func answerImports(ctx context.Context, runtime wazero.Runtime, compiled wazero.CompiledModule) error {
	builders := make(map[string]wazero.HostModuleBuilder)
	for _, function := range compiled.ImportedFunctions() {
		module, name, _ := function.Import()
		if builders[module] == nil {
			builders[module] = runtime.NewHostModuleBuilder(module)
		}
		builders[module].NewFunctionBuilder().
			WithGoModuleFunction(answer(module, name), function.ParamTypes(), function.ResultTypes()).Export(name)
	}
	for _, builder := range builders {
		if _, err := builder.Instantiate(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Answers as the adapter in sdk/componentize does, but shows what is written to standard output and standard error.
func answer(module, name string) api.GoModuleFunc {
	return func(_ context.Context, caller api.Module, stack []uint64) {
		memory := caller.Memory()
		ok := true
		switch {
		case module != wasi:
			panic("an init function calls the host: " + name)
		case name == "args_sizes_get" || name == "environ_sizes_get":
			ok = memory.WriteUint32Le(uint32(stack[0]), 0) && memory.WriteUint32Le(uint32(stack[1]), 0)
		case name == "args_get" || name == "environ_get" || name == "sched_yield":
		case name == "clock_time_get":
			ok = memory.WriteUint64Le(uint32(stack[2]), 1)
		case name == "random_get":
			ok = fill(memory, uint32(stack[0]), uint32(stack[1]))
		case name == "fd_write":
			ok = show(memory, uint32(stack[1]), uint32(stack[2]), uint32(stack[3]))
		case name == "proc_exit":
			panic("it exits")
		case name == "poll_oneoff":
			stack[0] = errnoNoSys
			return
		default:
			stack[0] = errnoBadF
			return
		}
		if !ok {
			panic("it points out of its memory: " + name)
		}
		if len(stack) > 0 {
			stack[0] = 0
		}
	}
}

// The same numbers in every build, so that it is repeatable.
func fill(memory api.Memory, at, length uint32) bool {
	bytes, ok := memory.Read(at, length)
	state := uint64(0x9e3779b97f4a7c15)
	for i := range bytes {
		state ^= state << 13
		state ^= state >> 7
		state ^= state << 17
		bytes[i] = byte(state)
	}
	return ok
}

func show(memory api.Memory, vectors, count, written uint32) bool {
	total := uint32(0)
	for i := range count {
		at, found := memory.ReadUint32Le(vectors + 8*i)
		length, complete := memory.ReadUint32Le(vectors + 8*i + 4)
		text, inside := memory.Read(at, length)
		if !found || !complete || !inside {
			return false
		}
		os.Stderr.Write(text)
		total += length
	}
	return memory.WriteUint32Le(written, total)
}
