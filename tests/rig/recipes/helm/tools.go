//go:build tools

// Package tools names the program that the test rig builds, so that go mod tidy pins what it needs.
package tools

import _ "helm.sh/helm/v3/cmd/helm"
