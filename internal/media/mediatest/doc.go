// Package mediatest has the far ends that tests, benchmarks and the self-call
// need: sine tones in G.711 and their detection, an RTP peer that sends a tone
// and listens for one, and a load generator with its sink for measuring the
// relay. It starts no goroutines but those of the Run methods, which wait for
// them, and imports nothing of the project.
package mediatest
