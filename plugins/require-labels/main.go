// Require-labels denies a put of a Kubernetes object that lacks labels, or has other values in them than it should.
//
// A denial names the labels and never quotes the object beyond its kind and name. A value that may not be seen, or that is no
// object, is denied, because a policy that cannot look must not say yes.
package main

import (
	"strings"

	"strongroom/plugin"
	"strongroom/plugin/kubernetes"
)

func init() {
	plugin.Register(plugin.Policy{
		Name:    "require-labels",
		Version: "0.1.0",
		Prefixes: []string{
			"/registry/deployments/", "/registry/statefulsets/", "/registry/daemonsets/", "/registry/cronjobs/",
		},
		Operations:       plugin.Puts,
		Review:           review,
		ValidateSettings: validateSettings,
	})
}

func validateSettings(text string) error {
	_, err := parseSettings(text)
	return err
}

func review(request *plugin.Request) plugin.Verdict {
	if request.ValueWithheld {
		return plugin.Deny("value-withheld",
			"these objects are sealed and this plugin may not see sealed values; grant it that or choose other prefixes")
	}
	// A put that keeps its value writes nothing that was not reviewed before.
	if request.Value == nil {
		return plugin.Allow()
	}
	object, err := kubernetes.Read(request.Value)
	if err != nil {
		return plugin.Deny("unreadable", "the labels cannot be read: "+err.Error())
	}
	// One that only waits for its finalizers must be able to go.
	if object.Metadata.Deleting {
		return plugin.Allow()
	}
	rules, err := parseSettings(plugin.Settings())
	if err != nil {
		return plugin.Deny("settings", "the settings of this plugin are malformed: "+err.Error())
	}
	return judge(object, rules)
}

func judge(object *kubernetes.Object, rules []rule) plugin.Verdict {
	var missing, wrong []string
	for i := range rules {
		rule := &rules[i]
		if !rule.isAbout(object.Kind) {
			continue
		}
		value, found := object.Metadata.Labels[rule.name]
		switch {
		case !found:
			missing = append(missing, rule.name)
		case rule.value != nil && !rule.value.matches(value):
			wrong = append(wrong, rule.name)
		}
	}
	subject := "the " + object.Kind + " " + object.Metadata.Name
	switch {
	case len(missing) > 0:
		return plugin.Deny("label-missing", subject+" lacks the label "+strings.Join(missing, " and the label "))
	case len(wrong) > 0:
		return plugin.Deny("label-value", subject+" has a wrong value in the label "+strings.Join(wrong, " and in the label "))
	}
	return plugin.Allow()
}

func main() {}
