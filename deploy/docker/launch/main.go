// Command launch starts the Collector of the image with the overlays that SIGHTGLASS_COLLECTOR_OVERLAYS names, as `sightglass up` does
// on one machine. What is named on its own command line is laid over them.
package main

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"
)

const (
	collector = "/otelcol"
	folder    = "/etc/otelcol/"
	variable  = "SIGHTGLASS_COLLECTOR_OVERLAYS"
)

func main() {
	overlays := []string{}
	if text := os.Getenv(variable); text != "" {
		if err := json.Unmarshal([]byte(text), &overlays); err != nil {
			refuse(`%s is not the JSON that it should be, such as ["token", "tls"]: %v`, variable, err)
		}
	}
	// Unset it is the configuration's own 127.0.0.1. Empty it would be every address.
	if host, set := os.LookupEnv("SIGHTGLASS_COLLECTOR_HOST"); set && !isLoopback(host) && !slices.Contains(overlays, "token") {
		refuse(`SIGHTGLASS_COLLECTOR_HOST=%s would let everybody who reaches it send telemetry: put "token" into %s`, host, variable)
	}
	arguments := []string{collector, "--config=" + folder + "config.yaml"}
	for _, overlay := range overlays {
		path := folder + "config." + overlay + ".yaml"
		if strings.Contains(overlay, "/") {
			path = overlay
		}
		if _, err := os.Stat(path); err != nil {
			refuse("%s names %s, but %v", variable, overlay, err)
		}
		arguments = append(arguments, "--config="+path)
	}
	err := syscall.Exec(collector, append(arguments, os.Args[1:]...), environment())
	refuse("%s: %v", collector, err)
}

// What others are told for sending to it would keep it from sending its own metrics to itself; and authorities are for https only,
// since the exporter takes any for a wish for TLS.
func environment() []string {
	plain := strings.HasPrefix(os.Getenv("SIGHTGLASS_COLLECTOR_CLICKHOUSE_ENDPOINT"), "http:")
	return slices.DeleteFunc(os.Environ(), func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		ofSenders := strings.HasPrefix(name, "OTEL_EXPORTER_OTLP") &&
			(strings.HasSuffix(name, "_CERTIFICATE") || strings.HasSuffix(name, "_CLIENT_KEY"))
		return ofSenders || (plain && name == "SIGHTGLASS_COLLECTOR_CLICKHOUSE_CA_FILE")
	})
}

func isLoopback(host string) bool {
	address := net.ParseIP(strings.Trim(host, "[]"))
	return host == "localhost" || (address != nil && address.IsLoopback())
}

func refuse(format string, values ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", values...)
	os.Exit(1)
}
