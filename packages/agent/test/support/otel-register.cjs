// What a server is started with that is to look as if OpenTelemetry's SDK were in it: the name is all there is to it.
