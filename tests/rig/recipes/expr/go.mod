module event-scaler/tests/rig/expr

go 1.24.0

require github.com/expr-lang/expr v1.17.8
