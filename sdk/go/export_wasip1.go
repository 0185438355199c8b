package plugin

import (
	"unsafe"

	"strongroom/plugin/internal/abi"
)

// What the last call answered. The host reads it after the call, when nothing but these keeps it from the collector.
var (
	answeredDescription abi.Description
	answeredValidation  abi.Validated
	answeredVerdict     abi.Verdict
	kept                [6]any
)

//go:wasmexport strongroom:admission/policy@0.1.0#describe
func exportDescribe() unsafe.Pointer {
	defer explain()
	policy := policy()
	prefixes := abi.OfStrings(policy.Prefixes)
	kept = [6]any{prefixes}
	answeredDescription = abi.Description{
		Name:       abi.OfString(policy.Name),
		Version:    abi.OfString(policy.Version),
		Prefixes:   abi.Of(prefixes),
		Operations: uint8(policy.Operations),
	}
	return unsafe.Pointer(&answeredDescription)
}

//go:wasmexport strongroom:admission/policy@0.1.0#validate-settings
func exportValidateSettings(text unsafe.Pointer, length uint32) unsafe.Pointer {
	defer explain()
	abi.Release()
	answeredValidation = abi.Validated{}
	if err := policy().ValidateSettings(unsafe.String((*byte)(text), length)); err != nil {
		reason := err.Error()
		kept = [6]any{reason}
		answeredValidation = abi.Validated{Failed: 1, Reason: abi.OfString(reason)}
	}
	return unsafe.Pointer(&answeredValidation)
}

//go:wasmexport strongroom:admission/policy@0.1.0#review
func exportReview(raw unsafe.Pointer) unsafe.Pointer {
	defer explain()
	abi.Release()
	verdict := policy().Review(request((*abi.Request)(raw)))
	warnings, notes := abi.OfStrings(verdict.warnings), abi.OfStrings(verdict.notes)
	kept = [6]any{verdict, warnings, notes}
	answeredVerdict = abi.Verdict{
		Decision: uint8(verdict.decision),
		Warnings: abi.Of(warnings),
		Notes:    abi.Of(notes),
	}
	switch verdict.decision {
	case deny:
		answeredVerdict.First = abi.OfString(verdict.code)
		answeredVerdict.Second = abi.OfString(verdict.message)
	case mutate:
		answeredVerdict.First = abi.Of(verdict.value)
	}
	return unsafe.Pointer(&answeredVerdict)
}

func request(raw *abi.Request) *Request {
	return &Request{
		Operation:     Operation(raw.Operation),
		Key:           raw.Key.Bytes(),
		RangeEnd:      raw.RangeEnd.Bytes(),
		Value:         raw.Value.Bytes(),
		ValueWithheld: raw.ValueWithheld != 0,
		Lease:         raw.Lease.Int64(),
		InTxn:         raw.InTxn != 0,
		Caller: Caller{
			CommonName: raw.CommonName.String(),
			User:       raw.User.String(),
			URIs:       texts(raw.URIs),
		},
		Mode: Mode(raw.Mode),
	}
}

func texts(list abi.Span) []string {
	spans := abi.List[abi.Span](list)
	texts := make([]string, len(spans))
	for i, span := range spans {
		texts[i] = span.String()
	}
	return texts
}

func policy() *Policy {
	if registered == nil {
		panic("the plugin does not call plugin.Register in an init function")
	}
	return registered
}

// What a panic says would be lost with the instance, so it goes to the log first.
func explain() {
	reason := recover()
	if reason == nil {
		return
	}
	text := "with a value that is no text"
	switch reason := reason.(type) {
	case error:
		text = reason.Error()
	case string:
		text = reason
	}
	Log(Error, "panic: "+text)
	panic(reason)
}
