package main

import (
	"context"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
)

// (module
//
//	(import "wasi_snapshot_preview1" "sched_yield" (func (result i32)))
//	(memory (export "memory") 1)
//	(global (mut i32) (i32.const 5)) (global i32 (i32.const 9))
//	(func (export "_initialize")
//	  (drop (call 0)) (drop (memory.grow (i32.const 1)))
//	  (global.set 0 (i32.const -7)) (i32.store (i32.const 70000) (i32.const 42)))
//	(func (export "get") (result i32) (i32.add (global.get 0) (i32.load (i32.const 70000))))
//	(data (i32.const 8) "hello"))
const sample = "0061736d01000000" + "0108026000017f600000" +
	"02260116776173695f736e617073686f745f7072657669657731" + "0b73636865645f7969656c640000" +
	"0303020100" + "0503010001" + "060b027f0141050b7f0041090b" +
	"07" + "1e" + "03" + "066d656d6f7279" + "0200" + "0b5f696e697469616c697a65" + "0001" + "03676574" + "0002" +
	"0a26" + "02" + "17" + "00" + "10001a" + "410140001a" + "41792400" + "41f0a204412a360200" + "0b" +
	"0c" + "00" + "2300" + "41f0a204280200" + "6a" + "0b" +
	"0b0b010041080b0568656c6c6f"

func sampleModule(t *testing.T) []byte {
	t.Helper()
	text, err := hex.DecodeString(sample)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestTheModuleGoesOnWhereItsStartEnded(t *testing.T) {
	ctx := context.Background()
	started, err := snapshot(ctx, sampleModule(t))
	if err != nil {
		t.Fatal(err)
	}
	again, err := snapshot(ctx, sampleModule(t))
	if err != nil || string(again) != string(started) {
		t.Error("two snapshots differ")
	}
	runtime := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter())
	defer runtime.Close(ctx)
	compiled, err := runtime.CompileModule(ctx, started)
	if err != nil {
		t.Fatal(err)
	}
	if err := answerImports(ctx, runtime, compiled); err != nil {
		t.Fatal(err)
	}
	instance, err := runtime.InstantiateModule(ctx, compiled, wazero.NewModuleConfig().WithStartFunctions())
	if err != nil {
		t.Fatal(err)
	}
	if instance.ExportedFunction(startFunction) != nil || instance.ExportedGlobal(globalName(0)) != nil {
		t.Error("the start or the globals are exported")
	}
	answer, err := instance.ExportedFunction("get").Call(ctx)
	if err != nil || len(answer) != 1 || answer[0] != 35 {
		t.Errorf("%v, %v", answer, err)
	}
	if text, _ := instance.ExportedMemory("memory").Read(8, 5); string(text) != "hello" {
		t.Errorf("data became %q", text)
	}
}

func TestWhatCannotBeStartedIsRefused(t *testing.T) {
	whole := string(sampleModule(t))
	for _, text := range []string{
		"", "#!/bin/sh", whole[:len(whole)-1], whole[:60],
		strings.Replace(whole, "_initialize", "_initialise", 1),
		strings.Replace(whole, wasi, "strongroom:admission/h", 1),
		strings.Replace(whole, "\x07\x1e", "\x08\x1e", 1),
	} {
		if _, err := snapshot(context.Background(), []byte(text)); err == nil {
			t.Errorf("%.40q was started", text)
		}
	}
}
