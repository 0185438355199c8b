package main

import (
	"slices"

	"strongroom/plugin/json"
)

// Rule is one label that objects must have.
type rule struct {
	name string
	// What its value must match; nil for any value.
	value *pattern
	// Kinds of the objects that must have it; none for all.
	kinds []string
}

type mistake string

func (m mistake) Error() string { return string(m) }

const (
	errNone mistake = `settings must name the labels: {"labels": ["team", {"name": "tier", "value": "front|back", "kinds": ["Pod"]}]}`
	errName mistake = "a label name is empty or longer than 317 bytes"
)

// The longest name of a label: a prefix of 253 bytes, a slash, and 63 bytes.
const nameBytesMax = 253 + 1 + 63

func parseSettings(text string) ([]rule, error) {
	var rules []rule
	if text == "" {
		return nil, errNone
	}
	reader := json.NewReader([]byte(text))
	reader.Object(func(name string) {
		if name != "labels" {
			reader.Fail(unknown(name, "labels"))
			return
		}
		reader.Array(func() { rules = append(rules, readRule(reader)) })
	})
	if err := reader.End(); err != nil {
		return nil, err
	}
	if len(rules) == 0 {
		return nil, errNone
	}
	return rules, nil
}

func readRule(reader *json.Reader) rule {
	var rule rule
	if reader.Kind() == json.String {
		rule.name = reader.String()
	} else {
		reader.Object(func(name string) {
			switch name {
			case "name":
				rule.name = reader.String()
			case "value":
				pattern, err := parsePattern(reader.String())
				if err != nil {
					reader.Fail(mistake("the value of a label is no pattern: " + err.Error()))
				}
				rule.value = pattern
			case "kinds":
				reader.Array(func() { rule.kinds = append(rule.kinds, reader.String()) })
			default:
				reader.Fail(unknown(name, "name, value and kinds"))
			}
		})
	}
	if rule.name == "" || len(rule.name) > nameBytesMax {
		reader.Fail(errName)
	}
	return rule
}

func unknown(name, known string) error {
	return mistake("the settings have an unknown member " + name + "; known here: " + known)
}

func (r *rule) isAbout(kind string) bool {
	return len(r.kinds) == 0 || slices.Contains(r.kinds, kind)
}
