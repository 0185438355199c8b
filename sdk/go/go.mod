module strongroom/plugin

go 1.26
