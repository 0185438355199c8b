module strongroom/plugins/require-labels

go 1.26

require strongroom/plugin v0.0.0

replace strongroom/plugin => ../../sdk/go
